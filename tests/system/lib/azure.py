"""What the tests of Azure as storage share.

SPDX-License-Identifier: Apache-2.0
"""
import json
import signal

from lib.system import fault, wait_until


def environment(connection, container, **more):
    return {"AZURE_STORAGE_CONNECTION_STRING": connection, "AZURE_STORAGE_CONTAINER": container,
            **more}


class Stored:
    """A broker with Azure as storage, set by a file that can be written anew, and one worker."""

    def __init__(self, system, connection, container, agent="agent.sh", env=None, slots=1,
                 **options):
        self.system, self.path, self.options = system, system.root / "broker.yaml", options
        self.env = env or {}
        self.write(connection, container)
        self.start()
        system.start_worker(agent=agent, max_concurrent_agents=slots, log_level="info")

    def start(self, **env):
        self.broker = self.system.start_broker(config=self.path, env={**self.env, **env},
                                               **self.options)
        return self.broker

    def write(self, connection, container):
        self.path.write_text(f"azure_storage_connection_string: {json.dumps(connection)}\n"
                             f"azure_storage_container: {container}\n")

    def hup(self, connection, container):
        self.write(connection, container)
        self.broker.signal(signal.SIGHUP)

    def publish(self, *names, context="do: diagnose"):
        self.system.start_publisher([fault(name, context=context) for name in names],
                                    name=f"publisher-{names[0]}")

    def reported(self, name="web-0", context="do: diagnose", state="reported"):
        """Play one event to its end; its incident's id."""
        self.publish(name, context=context)
        return wait_until(lambda: next((row["id"] for row in self.broker.incidents(state)
                                        if row["resource"]["name"] == name), None), 30,
                          f"{name} {state}")

    def settled(self, timeout_s=30):
        """Until no effect waits, and none is dead."""
        def none():
            return not any(self.broker.get(f"/api/v1/effects?state={state}")["effects"]
                           for state in ("ready", "sending"))
        wait_until(none, timeout_s, "no effect left", 0.05)
        assert not self.broker.get("/api/v1/effects?state=dead")["effects"]

    def files(self, incident):
        """{path: bytes} of the incident's folder without what stays on this host."""
        root = self.system.root / "incidents" / incident
        paths = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
        return {path: full.read_bytes() for path, full in paths.items()
                if not path.startswith("attempts/")}

    def stored(self, account, container, incident):
        """Is every file of the incident a blob with the same bytes? Else what is wrong."""
        files = self.files(incident)
        names = {f"{incident}/{path}" for path in files}
        assert "result.json" in files and set(account.names(container, f"{incident}/")) == names
        for path, content in files.items():
            assert account.blob(container, f"{incident}/{path}")[0] == content, path
        return files

    def check(self, *words, expect=0):
        """What triagectl storage check prints."""
        return self.system.ctl("storage", "check", *words, expect=expect).stdout

    def attempts(self, incident):
        return len(self.broker.incident(incident)["attempts"])
