"""A broker with a past: incidents that were over long ago, as copies of one that it has reported.

SPDX-License-Identifier: Apache-2.0
"""
import concurrent.futures
import sqlite3
import time

from lib.system import fault, wait_until

HOUR_MS = 3600 * 1000
SHIFT = 1000000  # of the records that are there: those of the past come first


class Past:
    """Its broker is stopped while incidents are made."""

    def __init__(self, system, env=None, **options):
        self.system, self.env, self.options = system, env or {}, options
        self.made, self.number, self.now_ms = 0, 1000, int(time.time() * 1000)
        broker = self.start()
        worker = system.start_worker()
        system.publish([fault("template")])
        broker.wait_terminal(1)
        wait_until(lambda: broker.get("/api/v1/storage/retention")["folders"] == 1, 30, "saved")
        wait_until(lambda: broker.get("/api/v1/status")["effects"]["ready"] == 0, 10, "all sent")
        worker.stop()
        broker.stop()
        self.template = self.rows("SELECT id FROM incident")[0][0]
        self.run(f"UPDATE journal SET seq = seq + {SHIFT}, prev = prev + {SHIFT} * (prev > 0)",
                 f"UPDATE topic SET last_seq = last_seq + {SHIFT}",
                 "INSERT OR REPLACE INTO retention VALUES (1, 1)")

    def start(self, **env):
        return self.system.start_broker(env={**self.env, **env}, **self.options)

    def store(self):
        return sqlite3.connect(self.system.root / "state/broker.db")

    def rows(self, sql):
        store = self.store()
        found = store.execute(sql).fetchall()
        store.close()
        return found

    def run(self, *statements):
        store = self.store()
        with store:
            for statement in statements:
                store.execute(statement)
        store.close()

    def copy(self, store, table, where, **changes):
        """Copies of the template's rows, with these columns changed."""
        cursor = store.execute(f"SELECT * FROM {table} WHERE {where}")
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            values = {**dict(zip(names, row)), **changes}
            store.execute(f"INSERT INTO {table} ({', '.join(values)}) "
                          f"VALUES ({', '.join('?' * len(values))})", list(values.values()))

    def make(self, count, age_ms, **changes):
        """Incidents of this age, each with its rows and its folder; their ids."""
        store, ids = self.store(), []
        with store:
            for _ in range(count):
                ids.append(self.make_one(store, self.now_ms - age_ms + self.made, changes))
        store.close()
        return ids

    def make_one(self, store, at_ms, changes):
        self.made, self.number = self.made + 1, self.number + 1
        stamp = f"{at_ms:012x}"
        ident = f"{stamp[:8]}-{stamp[8:]}-7000-8000-{self.made:012d}"
        mine = f"incident = '{self.template}'"
        self.copy(store, "incident", f"id = '{self.template}'", **{
            "id": ident, "number": self.number, "fault_key": f"{self.made:064x}",
            "event_id": f"past-{self.made}", "created_ms": at_ms, "first_seen_ms": at_ms,
            "last_seen_ms": at_ms, "completed_ms": at_ms, **changes})
        self.copy(store, "attempt", mine, incident=ident)
        self.copy(store, "effect", mine, incident=ident, key=f"storage/{ident}",
                  id=store.execute("SELECT max (id) + 1 FROM effect").fetchone()[0])
        self.copy(store, "folder", mine, incident=ident, saved_ms=at_ms)
        store.execute("INSERT INTO journal SELECT ?, 0, ?, kind, cluster, change, ?, attempt,"
                      " worker, reason, fault_type, severity, resource, occurrences FROM journal"
                      f" WHERE incident = '{self.template}' AND kind = 'incident' LIMIT 1",
                      (self.made, at_ms, ident))
        folder = self.system.root / "incidents" / ident
        (folder / "output").mkdir(parents=True)
        (folder / "output/investigation.md").write_text("# Report\n")
        (folder / "result.json").write_text("{}\n")
        return ident

    def folders(self):
        return {path.name for path in (self.system.root / "incidents").iterdir() if path.is_dir()}

    def upload(self, account, container, ids, paths):
        """These files of each as blobs."""
        def put(name):
            status, _, body = account.ask("PUT", f"{container}/{name}",
                                          headers={"x-ms-blob-type": "BlockBlob"}, body=b"{}")
            assert status == 201, (status, body)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(put, [f"{ident}/{path}" for ident in ids for path in paths]))

    def left(self, ids):
        """What is left of these in the store: {table: count}."""
        ids, found = set(ids), {}
        for table, column in (("incident", "id"), ("attempt", "incident"), ("effect", "incident"),
                              ("folder", "incident"), ("journal", "incident")):
            count = len(ids & {row[0] for row in self.rows(f"SELECT {column} FROM {table}")})
            if count:
                found[table] = count
        return found
