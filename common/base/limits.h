//  limits - bounds on what peers can make us hold, and times that several files share.
//
//  Each has its reason, some the metric that shows when it was hit.  Units are in the names
//  (_BYTES, _MS, _S; counts have none).  A timer used by one file stays in that file.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#define LIMIT_KIB(n) ((n) *1024)
#define LIMIT_MIB(n) ((n) *1024 * 1024)

enum {
    //  --- wire: bounds on one peer (docs/protocol.md)
    LIMIT_WORK_FRAME_BYTES = LIMIT_KIB (64),    //  control messages only; blobs use `files`
    LIMIT_WORK_HWM = 64,                        //  messages queued per peer before EAGAIN
    LIMIT_INGEST_FRAME_BYTES = LIMIT_KIB (256), //  larger events use chunks on `files`
    LIMIT_INGEST_HWM = 256,     //  events queued in a publisher's socket; the rest waits outside
    LIMIT_INGEST_READ_HWM = 16, //  events read ahead for one connection: 4 MiB
    //  Most that one turn sends to one peer, all small messages.  Anything more would be lost and
    //  cost a time-out.
    LIMIT_WORK_SEND_HWM = 1024,   //  LIMIT_SLOTS x (ASSIGN, LEASE, VERDICT_ACK) and a few more
    LIMIT_INGEST_SEND_HWM = 4096, //  EVENT_ACKs of a whole LIMIT_PUBLISH_WINDOW
    LIMIT_CHUNK_BYTES = LIMIT_KIB (256),           //  payload of one PUT or DATA
    LIMIT_FILES_FRAME_BYTES = LIMIT_KIB (256 + 4), //  one chunk and its map
    LIMIT_FILES_HWM = 8,                           //  x 256 KiB = 2 MiB per peer
    //  Messages that wait at a socket for room at their peers.  When full, the key that holds most
    //  loses its newest ones and asks again (held.c).
    LIMIT_HELD_MESSAGES = 2048,
    LIMIT_HELD_BYTES = LIMIT_MIB (4),
    LIMIT_HELD_KEY_MESSAGES = 1024,       //  triage_wire_unsent_total counts messages without room
    LIMIT_HELD_KEY_BYTES = LIMIT_MIB (1), //  of one key, on all its connections
    LIMIT_FILES_WINDOW_BYTES = LIMIT_MIB (1), //  unanswered bytes of one worker
    LIMIT_STREAM_HWM = 10000,                 //  a slow tap loses records beyond this
    //  Different topics subscribed to since the bind: libzmq spends about 30 bytes on each.
    LIMIT_SUBSCRIPTIONS_BYTES = LIMIT_MIB (1), //  beyond it, or the next limit, all taps are cut
    LIMIT_STREAM_BURST = 65536,   //  messages of taps without a pause: libzmq keeps the unread ones
    LIMIT_STREAM_PAUSE_MS = 1000, //  then the stream is bound again
    LIMIT_PARTS = 4,              //  routing id, topic, header, map; more are forged
    LIMIT_TOPIC_BYTES = 272,      //  "<kind>/<cluster>/" and the NUL
    LIMIT_STRIKES = 5,            //  bad messages a minute before a route is muted (peers.c)
    LIMIT_MUTE_MS = 60000,        //  a muted route is ignored this long, so it costs no turns
    LIMIT_PEERS = 4096,           //  routes remembered per socket
    //  Connections of one key on one socket.  A program has one, and several hosts may share a key.
    //  One connection can make us hold its HWM times its frame size.  link_watch.c cuts those
    //  beyond; triage_wire_crowded_total counts them.
    LIMIT_KEY_CONNECTIONS = 8,
    LIMIT_KEEPALIVE_S = 5,     //  a silent connection is probed after and every 5 s
    LIMIT_KEEPALIVE_TRIES = 4, //  unanswered probes that end it, after 25 s in all
    LIMIT_TCP_DEAD_MS = 30000, //  unacknowledged or unsent data ends the connection after this
    //  Descriptors kept for files and HTTP: link_watch.c cuts new connections when fewer are left.
    //  triage_wire_shed_total counts them.
    LIMIT_FD_RESERVE = 16,
    //  --- msgpack: checked by a scan that allocates nothing, before msgpack-c sees the bytes
    LIMIT_MSGPACK_DEPTH = 8,    //  messages nest three deep; the scan recurses once a level
    LIMIT_MSGPACK_PAIRS = 64,   //  of one map: messages have about 15; keys are compared pairwise
    LIMIT_MSGPACK_ITEMS = 4096, //  of one list: all fences of a HELLO, running and spooled
    LIMIT_MSGPACK_STR_BYTES = LIMIT_KIB (64), //  no text can be longer than a frame of `work`
    //  --- a turn of the broker's loop
    LIMIT_TURN_MESSAGES = 512,        //  inputs of one commit: a rollback repeats them all
    LIMIT_TURN_BYTES = LIMIT_MIB (4), //  their bodies: a transaction stays small in memory
    LIMIT_TURN_MS = 10,               //  an answer waits for the rest of its turn and the commit
    LIMIT_MAILBOX = 4096,             //  items between two threads
    LIMIT_SNAPSHOT_MS = 1000,         //  the loop publishes its figures this often
    LIMIT_STORE_RETRY_MS = 200,       //  pause after a commit that was rolled back
    LIMIT_STORE_REFUSE_MS = 2000,     //  retry_ms of an event that the store refused
    LIMIT_DRAIN_RETRY_MS = 2000,      //  BYE: when to come back after a drain
    //  Longer than a message takes; at most half of shutdown_timeout.  What a bot has not done by
    //  then, it does after the start.
    LIMIT_DRAIN_EFFECT_MS = 15000,
    LIMIT_DRAIN_LINGER_MS = 1000, //  time for unsent messages at the end of a drain
    //  --- store
    //  Freed when the disk is full, so that verdicts still commit.
    LIMIT_RESERVE_BYTES = LIMIT_MIB (64),
    //  Free bytes beyond a new reserve before events are accepted again.
    LIMIT_RESUME_BYTES = LIMIT_MIB (8),
    LIMIT_WAL_PAGES = 1000,           //  checkpoint beyond this
    LIMIT_WAL_BYTES = LIMIT_MIB (64), //  the WAL file is cut to this
    LIMIT_TIDY_ROWS = 200,            //  old event ids deleted in one chunk
    LIMIT_TIDY_PASS_MS = 3600000,     //  ids kept for open incidents are looked at again this often
    LIMIT_CHECK_BYTES = LIMIT_MIB (16), //  a larger store is checked after the start, in pieces
    LIMIT_CHECK_ROWS = 500,             //  rows of one piece
    LIMIT_CHECK_MS = 10,                //  longest piece: its read must not hold the log
    LIMIT_CHECK_REST = 3,               //  pause after a piece, as a multiple of its duration
    LIMIT_CHECK_TRIES = 10,    //  reads that fail in a row, 1 s apart, before the check gives up
    LIMIT_TIDY_LATE_MS = 3000, //  after this delay it runs even when turns are busy
    LIMIT_RETAIN_ROWS = 200,   //  rows that retention looks at in one call: 2 ms
    LIMIT_RETAIN_ALERTS = 32,  //  old alerts removed in one call
    LIMIT_RETIRING = 64,       //  incidents that wait to be removed, so that messages go on
    //  How long the first removal is announced before.
    LIMIT_RETAIN_NOTICE_MS = 24 * 3600 * 1000,
    //  After a start so long after the last record the clock may be wrong: it is announced again.
    LIMIT_RETAIN_QUIET_MS = 7 * 24 * 3600 * 1000,
    LIMIT_SWEEP_MS = 600000,   //  how often files without a row are searched for
    LIMIT_ORPHAN_MS = 3600000, //  and their age when removed: the event may still arrive
    //  --- events
    LIMIT_EVENT_BYTES = LIMIT_MIB (8),          //  larger ones are dropped, counted and leave a gap
    LIMIT_EVENT_INLINE_BYTES = LIMIT_KIB (256), //  larger bodies are files beside the store
    LIMIT_EVENT_ID_BYTES = 128, //  a digest or a UUID with a prefix; it is a column of an index
    LIMIT_POISON_DEATHS = 3,    //  broker deaths while reading one input: then it is kept unread
    LIMIT_POISON_ROWS = 16,     //  such inputs of one thread; the fewest deaths go first
    LIMIT_EVENT_KEEP_MS = 7 * 24 * 3600 * 1000, //  how long repeats of an event id are recognised
    //  While the store refuses; then the oldest are dropped.
    LIMIT_INTAKE_BUFFER_BYTES = LIMIT_MIB (64),
    //  The part of it that may be offered to the loop, with the loop's copies.
    LIMIT_INTAKE_OFFERED_BYTES = LIMIT_MIB (8),
    //  How often one source's losses are logged; triage_events_dropped_total counts them.
    LIMIT_LOST_LOG_MS = 5000,
    LIMIT_JSON_DEPTH = 64,     //  jansson recursion
    LIMIT_JSON_NODES = 100000, //  values of one tree, up to 320 bytes of heap each: 31 MiB
    //  An event id of a stream, sent back as a header; a longer one is ignored.
    LIMIT_SSE_ID_BYTES = LIMIT_KIB (4),
    //  An HTTP response held in memory, and any JSON parsed into a tree.
    LIMIT_HTTP_RESPONSE_BYTES = LIMIT_MIB (16),
    //  One answer of an MCP server; a larger one fails the call.
    LIMIT_MCP_ANSWER_BYTES = LIMIT_MIB (4),
    LIMIT_CLUSTERS = 256, //  sources: each has its session and its buffers
    //  Name of a cluster, as long as any Kubernetes name; EKS names contexts by their ARN.
    LIMIT_CLUSTER_BYTES = 253,
    LIMIT_MCP_SESSION_BYTES = 1024, //  an MCP session id; longer ones are refused
    LIMIT_MARK_MS = 10000,          //  how often a source's mark is written
    //  --- publisher
    LIMIT_PUBLISH_WINDOW = 4096,          //  unacknowledged events
    LIMIT_PUBLISH_BYTES = LIMIT_MIB (64), //  their bodies in memory; beyond it reading pauses
    LIMIT_PUBLISH_IDS = 65536, //  of standard input: 70 bytes on disk each; later ones are not kept
    LIMIT_PUBLISH_SILENT_MS = 5000,     //  without an answer for this long: logged once
    LIMIT_PUBLISH_RESEND_MS = 2000,     //  an unacknowledged event is sent again after this
    LIMIT_PUBLISH_RETRY_MIN_MS = 50,    //  bounds of a refusal's retry_ms
    LIMIT_PUBLISH_RETRY_MAX_MS = 60000, //  a broker cannot stop a publisher for long
    //  --- publisher as an MCP server
    LIMIT_SERVE_FAULTS = 1000000,                //  recorded faults in memory
    LIMIT_SERVE_BYTES = LIMIT_MIB (256),         //  their text
    LIMIT_SERVE_CONNECTIONS = 1024,              //  a stream holds one
    LIMIT_SERVE_SESSIONS = 512,                  //  beyond it initialize is refused
    LIMIT_SERVE_SUBSCRIPTIONS = 10,              //  of one session, as in the event server
    LIMIT_SERVE_WATCHERS = 100,                  //  of one cluster, as in the event server
    LIMIT_SERVE_BACKLOG_BYTES = LIMIT_KIB (256), //  of one stream; beyond it the tape waits
    LIMIT_SERVE_TURN = 1024,                     //  faults of one subscription in one turn
    LIMIT_SERVE_STALL_S = 60,         //  a client that reads nothing for so long is cut off
    LIMIT_SERVE_IDLE_MS = 600000,     //  a session without stream and requests ends after this
    LIMIT_SERVE_KEEPALIVE_MS = 15000, //  comment on a silent stream; proxies cut at 60 s
    LIMIT_SERVE_LINGER_MS = 10000,    //  faithful: streams outlive SIGTERM by this
    //  --- prompts and reports
    LIMIT_PROMPT_EVENT_BYTES = LIMIT_KIB (256), //  event text in a prompt
    //  Event, incident and system prompt; more than agents can use.
    LIMIT_PROMPT_BYTES = LIMIT_MIB (1),
    LIMIT_MODEL_BYTES = 127, //  name of a model
    LIMIT_AGENT_BYTES = 63,  //  name of an agent CLI
    LIMIT_AGENTS = 32,       //  agent CLIs with models of their own
    LIMIT_TOOLS_BYTES = 511, //  agent_allowed_tools
    //  Of agent_system_prompt_file, which is part of every prompt.
    LIMIT_SYSTEM_PROMPT_BYTES = LIMIT_KIB (64),
    LIMIT_REPORT_BYTES = LIMIT_MIB (10), //  a larger investigation.md counts as a failure
    //  The part of a report that is read; the rest is only stored.
    LIMIT_REPORT_PARSE_BYTES = LIMIT_MIB (2),
    LIMIT_REPORT_BLOCKS = 16384,             //  headings, paragraphs, items and rows that are read
    LIMIT_PAGE_REPORT_BYTES = LIMIT_MIB (1), //  of a report on the page; the file beside it has all
    LIMIT_PAGE_TEXT_BYTES = LIMIT_MIB (4),   //  HTML made of it: a phone must open the page
    LIMIT_PAGE_EVENT_BYTES = LIMIT_KIB (64), //  of the event on the page; event.json has all
    LIMIT_PAGE_BYTES = LIMIT_MIB (6),        //  of investigation.html
    LIMIT_PAGE_NESTING = 24,                 //  lists and quotes in each other: a phone is narrow
    LIMIT_PAGE_SPANS = 16,                   //  bold, italic and so on in each other
    LIMIT_ROOT_CAUSE_BYTES = LIMIT_KIB (4),  //  cut at a sentence
    LIMIT_ERROR_TEXT_BYTES = LIMIT_KIB (2),  //  a longer report is not an error message of a CLI
    //  Result of an agent, with all its turns; read for its error and its usage.
    LIMIT_AGENT_RESULT_BYTES = LIMIT_MIB (5),
    LIMIT_USAGE_BYTES = LIMIT_KIB (16),     //  of an agent: copied into result.json
    LIMIT_LOG_HEAD_BYTES = LIMIT_MIB (1),   //  of each agent log
    LIMIT_LOG_TAIL_BYTES = LIMIT_MIB (4),   //  and its end, where the failure is
    LIMIT_TRANSCRIPT_BYTES = LIMIT_MIB (2), //  steps of an attempt; longer ones lose the middle
    LIMIT_INCIDENT_BYTES = LIMIT_MIB (32),  //  all artifacts of one attempt
    LIMIT_ATTEMPT_FILES = 32,               //  files of one attempt
    LIMIT_UPLOADS_BYTES = LIMIT_MIB (256),  //  staged uploads in flight
    LIMIT_UPLOADS = 4096,                   //  attempts with staged files: one of every worker
    LIMIT_UPLOAD_IDLE_MS = 600000,          //  an upload without a PUT for so long starts again
    //  With less room on the artifacts' disk nothing is assigned, until there is twice that.
    LIMIT_ARTIFACT_ROOM_BYTES = LIMIT_MIB (8),
    LIMIT_ARTIFACT_ROOM_FILES = 512, //  free inodes there, about 40 incidents; same rule
    LIMIT_ARTIFACT_LOOK_MS = 1000,   //  how often the room is looked at
    //  A message that takes this long marks the disk as slow, for as long.
    LIMIT_ARTIFACT_SLOW_MS = 5000,
    LIMIT_COUNT_MS = 60000,                    //  least time between two counts of all folders
    LIMIT_SWEEP_FOLDERS = 16,                  //  looked at before the files socket has its turn
    LIMIT_EVENT_PARTS = 256,                   //  large events being uploaded or committed
    LIMIT_EVENT_PARTS_BYTES = LIMIT_MIB (128), //  16 of the largest at once
    //  One key has at most half of the bytes of uploads and of event parts (artifact_upload.c,
    //  artifact_event.c).
    LIMIT_SHARE = 2,
    LIMIT_REASON_BYTES = 256, //  a failure reason
    LIMIT_PATH_BYTES = 128,   //  an artifact's relative path
    //  --- fleet
    //  Sessions, with quarantined and gone ones: their rows are in memory.
    LIMIT_WORKERS = 4096,
    LIMIT_SLOTS = 256,                    //  agents of one worker
    LIMIT_OPEN_INCIDENTS = 200000,        //  rows in memory; beyond it events are refused
    LIMIT_CLOSED_INCIDENTS = 100000,      //  ended ones kept for dedup; the oldest go first
    LIMIT_TOPICS = 16384,                 //  stream topics; more clusters share the name "other"
    LIMIT_SOURCE_TOPICS = 2048,           //  topics that one source may add
    LIMIT_TALLIES = 512,                  //  clusters counted singly; the rest count as "other"
    LIMIT_PREFER_MS = 2000,               //  a retry waits this long for another host
    LIMIT_RELEASE_BACKOFF_MIN_MS = 250,   //  wait after attempts given back repeatedly, doubling
    LIMIT_RELEASE_BACKOFF_MAX_MS = 60000, //  the longest such wait
    //  Wait of an incident whose provider was busy or failed, when the provider names none.  After
    //  failures it doubles up to LIMIT_GIVE_BACK_BACKOFF_MS.  A shorter one that the provider names
    //  is heeded: from LIMIT_GIVE_BACK_MIN_MS, doubled up to LIMIT_GIVE_BACK_MS.
    LIMIT_GIVE_BACK_MIN_MS = 1000,
    LIMIT_GIVE_BACK_MS = 30000,
    LIMIT_GIVE_BACK_BACKOFF_MS = 600000,
    LIMIT_GIVE_BACK_MAX_MS = 3600000, //  the longest Retry-After of a provider that is heeded
    LIMIT_TURN_TIMERS = 1024,         //  incidents that timers may change in one turn
    LIMIT_TURN_ASSIGNS = 256,     //  assignments of one turn, which must get back to its sockets
    LIMIT_CLOSED_KEEP_MS = 60000, //  least time that an ended incident is remembered
    //  Attempts of one incident (charged, lost or failed on hosts), kept in memory until it ends.
    LIMIT_ATTEMPTS = 32,
    LIMIT_PING_MS = 5000, //  a silent session is pinged; three missed pings make it silent
    //  A pinged session that is silent this long is replaced by another of its identity.
    LIMIT_RIVAL_MS = 2000,
    //  Two workers with one key are logged once in this time; the metric counts all.
    LIMIT_REFUSAL_LOG_MS = 60000,
    //  joined, left, draining, resumed: one record per worker in this time, the rest later.
    LIMIT_WORKER_RECORD_MS = 5000,
    //  A worker this silent is dead; assignments stop after 3 missed pings.
    LIMIT_SESSION_DEAD_MS = 30000,
    LIMIT_ACCEPT_MS = 5000, //  an ASSIGN not accepted in time is taken back, uncharged
    //  Kill grace in the hard deadline; the slack covers longer ones.
    LIMIT_AGENT_GRACE_MS = 10000,
    LIMIT_REVOKE_SLACK_MS = 120000, //  an attempt is revoked at timeout + grace + this
    LIMIT_VERDICT_RETRY_MS = 2000,  //  resend until acknowledged
    LIMIT_CLOCK_JUMP_MS = 5000,     //  a jump between two turns: drain first, extend leases once
    LIMIT_REBUILD_MS = 30000,       //  a worker socket without an answer for so long is replaced
    LIMIT_OUTAGE_LOG_MS = 300000,   //  an outage that lasts is logged this often
    LIMIT_KILL_MS = 5000,           //  KILL is repeated this long, then survivors are reported
    //  The longest run; sums of it stay far from overflow.
    LIMIT_AGENT_TIMEOUT_MS = 7 * 24 * 3600 * 1000,
    LIMIT_SUPERVISOR_MS = 10000, //  a supervisor this late after its time is killed
    LIMIT_HOME_LOCK_MS = 5000,   //  wait for the lock of a killed worker
    LIMIT_SPOOLED = 256,         //  finished reports of one worker; beyond it it offers no credit
    LIMIT_FILES_RETRY_MS = 5000, //  files socket without an answer: resume after this
    LIMIT_FETCH_TRIES = 12,      //  after these the attempt is given back
    LIMIT_SWEEP_ENTRIES = 256,   //  folder entries per step of a clean-up
    LIMIT_QUARANTINE_STREAK = 3, //  failures or refusals in a row: two may be chance
    LIMIT_QUARANTINE_MIN_MS = 10000,  //  first wait for a probe, doubled by each failure
    LIMIT_QUARANTINE_MAX_MS = 600000, //  longest wait: a repaired host is back within ten minutes
    LIMIT_AGE_STEP_MS = 600000,       //  a waiting incident rises one severity class per step
    //  --- effects
    LIMIT_EFFECT_RETRY_MIN_MS = 500,    //  first wait, doubled by each failure
    LIMIT_EFFECT_RETRY_MAX_MS = 600000, //  the longest, also of a Retry-After
    //  Longest wait while nobody answers, so that all effects resume soon after.
    LIMIT_EFFECT_UNREACHED_MS = 60000,
    LIMIT_MESSAGE_PACE_MS = 1000,  //  between two messages of a receiver; Slack allows one a second
    LIMIT_MESSAGE_WAIT_MS = 60000, //  how long a message waits for its upload at most
    LIMIT_MESSAGE_RECURRED_MS = 60000, //  an incident that comes again is shown once in this time
    LIMIT_CHANNEL_RETRY = 500,         //  dead effects of a channel that one command makes due
    LIMIT_LANES_SHOWN = 64,            //  lanes of effects in status and metrics
    LIMIT_EFFECT_TRIES = 20,           //  answered tries, about an hour; then the effect is dead
    LIMIT_EFFECT_DOWN_TRIES = 300,     //  likewise, if the whole receiver is down: about a day
    //  breaker_mode pause: first wait for a probe, doubled by each failure.
    LIMIT_PROBE_MIN_MS = 5000,
    LIMIT_TURN_REVIVED = 32,       //  incidents that its closing puts back in one turn
    LIMIT_REVIVE_WAIT_MS = 1000,   //  the wait for room in the queue
    LIMIT_REVIVE_AGAIN_MS = 10000, //  the wait for room in a cluster's share, or for an end
    LIMIT_PROBE_MAX_MS = 600000,   //  the longest such wait
    LIMIT_RECEIVERS = 32,          //  of messages, with the default one; each has one under way
    LIMIT_SLACK_POST_MS = 10000,   //  one post with its connection; its channel waits meanwhile
    //  Between two calls of a bot that post, edit or share a file.  Slack takes one post a second
    //  in a channel, 50 edits and 100 shares a minute.
    LIMIT_SLACK_POST_PACE_MS = 1100,
    LIMIT_SLACK_EDIT_PACE_MS = 1250,
    LIMIT_SLACK_SHARE_PACE_MS = 650,
    LIMIT_SLACK_MESSAGE_MS = 120000, //  all calls for one message; then it is tried again
    //  After a post that was not answered in time: Slack may still be at it.
    LIMIT_SLACK_DOUBT_MS = 5000,
    LIMIT_SLACK_UPLOAD_MS = 60000, //  the bytes of one report
    LIMIT_SLACK_CHECK_MS = 10000,  //  all calls of one check of the receivers
    LIMIT_SLACK_PAGES = 20,        //  of 100 messages of a channel, to find one of the bot's
    LIMIT_SLACK_PAGE_BYTES = LIMIT_MIB (4),
    LIMIT_SLACK_ANSWER_BYTES = LIMIT_KIB (256), //  any other answer: it repeats the message
    LIMIT_ROUTES = 64,                          //  each is asked for each incident
    LIMIT_PATTERN_BYTES = 512,                  //  of a route: a few names
    LIMIT_OVERFLOW_MS = 3600000, //  one announcement of a cluster's overflow in this time
    LIMIT_OVERFLOW_SOURCE = 8,   //  clusters of one source whose overflow is announced
    //  --- journal (stream replay): each kind of record has its own share, so that none displaces
    //  another
    LIMIT_JOURNAL_INCIDENT_ROWS = 400000, //  about four records per incident
    LIMIT_JOURNAL_ATTEMPT_ROWS = 400000,  //  about four records per attempt
    LIMIT_JOURNAL_WORKER_ROWS =
        100000,                        //  joined, left, draining; bounded by LIMIT_WORKER_RECORD_MS
    LIMIT_JOURNAL_SOURCE_ROWS = 90000, //  connected, lost, gap
    LIMIT_JOURNAL_BREAKER_ROWS = 10000, //  rare: all of them for years
    LIMIT_JOURNAL_OTHER_ROWS = 10000,   //  kinds that another version wrote
    LIMIT_JOURNAL_KINDS = 16,           //  kinds per step of a clean-up
    LIMIT_JOURNAL_DELETE_ROWS = 500,    //  of one kind per step
    //  --- admin HTTP
    LIMIT_HTTP_CONNECTIONS = 64,           //  of admin: each holds its memory and a descriptor
    LIMIT_HTTP_BODY_BYTES = LIMIT_MIB (1), //  of a request: commands and MCP calls are small
    LIMIT_HTTP_PAGE_ROWS = 200,            //  rows of one page: a query stays short
    //  A query ends after this: an open reader keeps the log from being truncated.
    LIMIT_HTTP_QUERY_MS = 1000,
    LIMIT_HTTP_IDLE_S = 10,                   //  a silent connection is closed after this
    LIMIT_HTTP_KEEPALIVE_S = 60,              //  silent streams: how often to probe the peer
    LIMIT_HTTP_MEMORY_BYTES = LIMIT_KIB (32), //  request line and headers of one connection
    LIMIT_HTTP_REPLY_BYTES = LIMIT_MIB (4),   //  metrics of LIMIT_WORKERS, a page of records
    LIMIT_CTL_ROWS = 1000000,                 //  rows that one triagectl reads
    LIMIT_CTL_COUNTED = 10000,                //  rows that a table counts beyond those it shows
    LIMIT_CTL_COMPLETE_MS = 1000,             //  how long a completion waits for the broker
    LIMIT_CTL_COMPLETE_ROWS = 50,             //  names that a completion offers
    LIMIT_HTTP_FILES = 1024,                  //  artifacts listed for one incident
    LIMIT_COMMAND_MS = 2000,                  //  how long an operator's command waits for the loop
    LIMIT_STORAGE_CHECK_MS = 25000,           //  and one for a check of storage or Slack
    LIMIT_SNAPSHOT_STALE_MS = 5000,           //  an older snapshot is unhealthy
    //  --- process
    LIMIT_READY_MS = 30000, //  between two looks of a worker that cannot run agents
    LIMIT_THREADS = 16,     //  threads that threads_check can start at once
    //  --- logs and configuration
    LIMIT_LOG_VALUE_BYTES = 4096, //  one value; longer ones are cut
    //  One line, on the stack of the caller; longer ones are cut.
    LIMIT_LOG_LINE_BYTES = LIMIT_KIB (16),
    LIMIT_CONFIG_BYTES = LIMIT_MIB (1), //  a configuration, and its printed form
    LIMIT_CONFIG_ERRORS = 64,           //  errors listed; the rest are counted
    //  A key in a map of texts in the configuration, as long as for Kubernetes labels.
    LIMIT_MAP_KEY_BYTES = 64,
    LIMIT_MAP_VALUE_BYTES = 256,         //  and its value; they are shown in prompts
    LIMIT_LABELS = 16,                   //  of one cluster; they are part of every prompt
    LIMIT_SECRET_BYTES = LIMIT_KIB (16), //  a token or a URL; a larger file is the wrong file
    LIMIT_ZAP_SILENT_MS = 5000,          //  the key check hangs: readyz reports it
    LIMIT_KEYS = 10000,                  //  enrolled keys read from keys_dir
    //  Refused peers logged singly in a minute; triage_wire_refused_total counts all.
    LIMIT_REFUSAL_LINES = 20
};
