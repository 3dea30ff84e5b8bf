//  limits - what others can make us hold, and the times that several files share.
//
//  Each with its reason, some with the metric that shows it was hit.  Units are in the names
//  (_BYTES, _MS, _S, counts bare).  A timer of one file alone stays in that file.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#define LIMIT_KIB(n) ((n) *1024)
#define LIMIT_MIB(n) ((n) *1024 * 1024)

enum {
    //  --- wire: what one peer may make us hold (docs/protocol.md)
    LIMIT_WORK_FRAME_BYTES = LIMIT_KIB (64),    //  control messages only; blobs go by `files`
    LIMIT_WORK_HWM = 64,                        //  messages queued per peer before EAGAIN
    LIMIT_INGEST_FRAME_BYTES = LIMIT_KIB (256), //  larger events go by chunks on `files`
    LIMIT_INGEST_HWM = 256,     //  events in a publisher's socket; its window counts the rest
    LIMIT_INGEST_READ_HWM = 16, //  events the broker takes in ahead of one connection: 4 MiB
    //  What one turn may say to one peer, or it is lost and costs a time-out: small messages all.
    LIMIT_WORK_SEND_HWM = 1024,   //  LIMIT_SLOTS x (ASSIGN, LEASE, VERDICT_ACK) and some more
    LIMIT_INGEST_SEND_HWM = 4096, //  EVENT_ACKs of a whole LIMIT_PUBLISH_WINDOW
    LIMIT_CHUNK_BYTES = LIMIT_KIB (256),           //  payload of one PUT or DATA
    LIMIT_FILES_FRAME_BYTES = LIMIT_KIB (256 + 4), //  one chunk and its map
    LIMIT_FILES_HWM = 8,                           //  x 256 KiB = 2 MiB per peer
    //  What peers have no room for yet waits at the broker, a socket.  Beyond it who holds most
    //  loses its newest messages, and asks again.
    LIMIT_HELD_MESSAGES = 2048,
    LIMIT_HELD_BYTES = LIMIT_MIB (4),
    LIMIT_HELD_KEY_MESSAGES = 1024,           //  triage_wire_unsent_total counts what finds no room
    LIMIT_HELD_KEY_BYTES = LIMIT_MIB (1),     //  of one key, on all its connections
    LIMIT_FILES_WINDOW_BYTES = LIMIT_MIB (1), //  unanswered bytes a worker may have under way
    LIMIT_STREAM_HWM = 10000,                 //  a slow tap loses records beyond this
    //  Topics that taps have asked for since the bind, each once: libzmq spends some
    //  30 bytes on each of these.
    LIMIT_SUBSCRIPTIONS_BYTES = LIMIT_MIB (1), //  beyond it, or the next one, all taps are cut
    LIMIT_STREAM_BURST = 65536,   //  messages of taps without a pause: libzmq keeps what is unread
    LIMIT_STREAM_PAUSE_MS = 1000, //  then the stream is bound again
    LIMIT_PARTS = 4,              //  routing id, topic, header, map; more is forged
    LIMIT_TOPIC_BYTES = 272,      //  "<kind>/<cluster>/" and the NUL
    LIMIT_STRIKES = 5,            //  bad messages a minute before a route is muted
    LIMIT_MUTE_MS = 60000,        //  a muted route is not heard so long: its bytes cost no turn
    LIMIT_PEERS = 4096,           //  routes remembered per socket
    //  Connections of one key on one socket: a program has one, and a key may be on some hosts.
    //  What one connection may make us hold is its HWM times its frame;
    //  triage_wire_crowded_total counts those beyond.
    LIMIT_KEY_CONNECTIONS = 8,
    LIMIT_KEEPALIVE_S = 5,     //  a silent connection is probed after this, and that often
    LIMIT_KEEPALIVE_TRIES = 4, //  probes without an answer end it, after 25 s in all
    LIMIT_TCP_DEAD_MS = 30000, //  what is sent and never acknowledged, or finds no room, ends it
    LIMIT_FD_RESERVE = 16,     //  descriptors kept for files, HTTP; triage_wire_shed_total counts
    //  --- msgpack: checked by a scan that allocates nothing, before msgpack-c sees the bytes
    LIMIT_MSGPACK_DEPTH = 8,    //  messages nest three deep; the scan recurses once a level
    LIMIT_MSGPACK_PAIRS = 64,   //  of one map: messages have some 15; keys are compared in pairs
    LIMIT_MSGPACK_ITEMS = 4096, //  of one list: all fences of a HELLO, running and spooled
    LIMIT_MSGPACK_STR_BYTES = LIMIT_KIB (64), //  no text can be longer than a frame of `work`
    //  --- a turn of the broker's loop
    LIMIT_TURN_MESSAGES = 512,        //  inputs of one commit: what a rollback asks again
    LIMIT_TURN_BYTES = LIMIT_MIB (4), //  their bodies: a transaction stays small in memory
    LIMIT_TURN_MS = 10,           //  an answer waits for the rest of its turn, and for its commit
    LIMIT_MAILBOX = 4096,         //  items between two threads
    LIMIT_SNAPSHOT_MS = 1000,     //  the loop publishes its figures this often
    LIMIT_STORE_RETRY_MS = 200,   //  pause after a commit that was rolled back
    LIMIT_STORE_REFUSE_MS = 2000, //  when to offer an event again that the store refused
    LIMIT_DRAIN_RETRY_MS = 2000,  //  BYE: when to come back after a drain
    //  longer than any message takes; half of shutdown_timeout at most
    LIMIT_DRAIN_EFFECT_MS = 15000,
    LIMIT_DRAIN_LINGER_MS = 1000, //  unsent messages at the end of a drain
    //  --- store
    //  freed when the disk is full, so that verdicts still commit
    LIMIT_RESERVE_BYTES = LIMIT_MIB (64),
    LIMIT_RESUME_BYTES = LIMIT_MIB (8), //  room beside a new reserve before events are taken again
    LIMIT_WAL_PAGES = 1000,             //  checkpoint beyond this
    LIMIT_WAL_BYTES = LIMIT_MIB (64),   //  the WAL file is cut to this
    LIMIT_TIDY_ROWS = 200,              //  old event ids deleted in one chunk
    LIMIT_TIDY_PASS_MS = 3600000, //  those kept for open incidents are looked at again this often
    LIMIT_CHECK_BYTES = LIMIT_MIB (16), //  a larger store is checked after the start, in pieces
    LIMIT_CHECK_ROWS = 500,             //  rows of one piece
    LIMIT_CHECK_MS = 10,                //  a piece ends after this: its read must not hold the log
    LIMIT_CHECK_REST = 3,               //  times as long as a piece took, before the next one
    LIMIT_CHECK_TRIES = 10,    //  reads that fail in a row, 1 s apart, before it is given up
    LIMIT_TIDY_LATE_MS = 3000, //  undone so long, it is done after busy turns too
    LIMIT_SWEEP_MS = 600000,   //  files that no row names are looked for this often
    LIMIT_ORPHAN_MS = 3600000, //  and removed at this age: the event may be under way
    //  --- events
    LIMIT_EVENT_BYTES = LIMIT_MIB (8),          //  larger is discarded, counted, a gap
    LIMIT_EVENT_INLINE_BYTES = LIMIT_KIB (256), //  larger bodies are files beside the store
    LIMIT_EVENT_ID_BYTES = 128, //  a digest or a UUID with a prefix; it is a column of an index
    LIMIT_POISON_DEATHS = 3,    //  of the broker while it read one input: then it is kept unread
    LIMIT_POISON_ROWS = 16,     //  such inputs of one thread; those with the fewest deaths go first
    LIMIT_EVENT_KEEP_MS = 7 * 24 * 3600 * 1000, //  repeats of an event id are known this long
    LIMIT_INTAKE_BUFFER_BYTES = LIMIT_MIB (64), //  while the store refuses; then oldest dropped
    //  of it: offered to the loop, with the loop's copies
    LIMIT_INTAKE_OFFERED_BYTES = LIMIT_MIB (8),
    //  what one source loses is told this often; triage_events_dropped_total
    LIMIT_LOST_TELL_MS = 5000,
    LIMIT_JSON_DEPTH = 64,     //  jansson recursion
    LIMIT_JSON_NODES = 100000, //  values of one tree, up to 320 bytes of heap each: 31 MiB
    //  an event id of a stream, sent back as a header; a longer one counts as none
    LIMIT_SSE_ID_BYTES = LIMIT_KIB (4),
    //  an answer held in memory, and any JSON that is read as a tree
    LIMIT_HTTP_RESPONSE_BYTES = LIMIT_MIB (16),
    LIMIT_MCP_ANSWER_BYTES = LIMIT_MIB (4), //  one answer of an MCP server; over it the call failed
    LIMIT_CLUSTERS = 256,                   //  sources: each has its session and its buffers
    //  of a cluster's name, as of any Kubernetes name; EKS names contexts by their ARN
    LIMIT_CLUSTER_BYTES = 253,
    LIMIT_MCP_SESSION_BYTES = 1024, //  an MCP session id; longer ones are refused
    LIMIT_MARK_MS = 10000,          //  how far a source is known is written this often
    //  --- publisher
    LIMIT_PUBLISH_WINDOW = 4096,          //  events under way without an acknowledgement
    LIMIT_PUBLISH_BYTES = LIMIT_MIB (64), //  their bodies in memory: reading pauses
    LIMIT_PUBLISH_IDS = 65536, //  of standard input: 70 bytes on disk each; later ones are not kept
    LIMIT_PUBLISH_SILENT_MS = 5000,     //  nobody answers: said once
    LIMIT_PUBLISH_RESEND_MS = 2000,     //  not acknowledged: sent again
    LIMIT_PUBLISH_RETRY_MIN_MS = 50,    //  bounds of a refusal's retry_ms
    LIMIT_PUBLISH_RETRY_MAX_MS = 60000, //  a broker cannot stop a publisher for long
    //  --- publisher as an MCP server
    LIMIT_SERVE_FAULTS = 1000000,                //  recorded ones in memory
    LIMIT_SERVE_BYTES = LIMIT_MIB (256),         //  their text
    LIMIT_SERVE_CONNECTIONS = 1024,              //  a stream holds one
    LIMIT_SERVE_SESSIONS = 512,                  //  beyond it initialize is refused
    LIMIT_SERVE_SUBSCRIPTIONS = 10,              //  of one session, as the event server has it
    LIMIT_SERVE_WATCHERS = 100,                  //  of one cluster, as the event server has it
    LIMIT_SERVE_BACKLOG_BYTES = LIMIT_KIB (256), //  of one stream; beyond it the tape waits
    LIMIT_SERVE_TURN = 1024,                     //  faults of one subscription in one turn
    LIMIT_SERVE_STALL_S = 60,                    //  a client that takes nothing is cut off
    LIMIT_SERVE_IDLE_MS = 600000,                //  session without stream and requests: ended
    LIMIT_SERVE_KEEPALIVE_MS = 15000,            //  comment on a silent stream; proxies cut at 60 s
    LIMIT_SERVE_LINGER_MS = 10000,               //  faithful: streams outlive SIGTERM by this
    //  --- prompts and reports
    LIMIT_PROMPT_EVENT_BYTES = LIMIT_KIB (256), //  event text in a prompt
    //  event, incident and system prompt; more than agents can use
    LIMIT_PROMPT_BYTES = LIMIT_MIB (1),
    LIMIT_MODEL_BYTES = 127, //  name of a model
    LIMIT_TOOLS_BYTES = 511, //  agent_allowed_tools
    //  of agent_system_prompt_file; stands in every prompt
    LIMIT_SYSTEM_PROMPT_BYTES = LIMIT_KIB (64),
    LIMIT_REPORT_BYTES = LIMIT_MIB (10), //  a larger investigation.md is a failure, not a report
    LIMIT_REPORT_PARSE_BYTES = LIMIT_MIB (2), //  of a report; what comes after is stored, not read
    LIMIT_REPORT_BLOCKS = 16384,              //  headings, paragraphs, items, rows looked at
    LIMIT_ROOT_CAUSE_BYTES = LIMIT_KIB (4),   //  cut at a sentence
    LIMIT_ERROR_TEXT_BYTES = LIMIT_KIB (2),   //  a longer report is not an error that a CLI printed
    //  of an agent, with each turn in it: read for its error and its usage
    LIMIT_AGENT_RESULT_BYTES = LIMIT_MIB (5),
    LIMIT_USAGE_BYTES = LIMIT_KIB (16),    //  of an agent: it is copied into result.json
    LIMIT_LOG_HEAD_BYTES = LIMIT_MIB (1),  //  of each agent log
    LIMIT_LOG_TAIL_BYTES = LIMIT_MIB (4),  //  and its end: what failed stands there
    LIMIT_INCIDENT_BYTES = LIMIT_MIB (32), //  all artifacts of one attempt
    LIMIT_ATTEMPT_FILES = 32,              //  files of one attempt
    LIMIT_UPLOADS_BYTES = LIMIT_MIB (256), //  staged uploads in flight
    LIMIT_UPLOADS = 4096,                  //  attempts with staged files: every worker's one
    LIMIT_UPLOAD_IDLE_MS = 600000,         //  an upload without a PUT is forgotten, begun anew
    //  with less on the artifacts' disk nothing is assigned; again with twice that
    LIMIT_ARTIFACT_ROOM_BYTES = LIMIT_MIB (8),
    LIMIT_ARTIFACT_ROOM_FILES = 512,           //  inodes there, some 40 incidents; the same
    LIMIT_ARTIFACT_LOOK_MS = 1000,             //  the room is looked at this often
    LIMIT_ARTIFACT_SLOW_MS = 5000,             //  one message takes it: slow, and so long after it
    LIMIT_COUNT_MS = 60000,                    //  at least this between two counts of all folders
    LIMIT_SWEEP_FOLDERS = 16,                  //  looked at before the files socket gets its turn
    LIMIT_EVENT_PARTS = 256,                   //  large events being uploaded or committed
    LIMIT_EVENT_PARTS_BYTES = LIMIT_MIB (128), //  16 of the largest at once
    LIMIT_SHARE = 2, //  of the bytes of uploads and of event parts one key has at most half
    LIMIT_REASON_BYTES = 256, //  a failure reason
    LIMIT_PATH_BYTES = 128,   //  an artifact's relative path
    LIMIT_THREADS = 16,       //  that a program of ours may need at once, libraries' included
    //  --- fleet
    //  sessions, quarantined and gone ones included: their rows are held in memory
    LIMIT_WORKERS = 4096,
    LIMIT_SLOTS = 256,                    //  agents of one worker
    LIMIT_OPEN_INCIDENTS = 200000,        //  rows held in memory; beyond it events are refused
    LIMIT_CLOSED_INCIDENTS = 100000,      //  ended ones kept for dedup; the oldest go first
    LIMIT_TOPICS = 16384,                 //  stream topics; more clusters share the name "other"
    LIMIT_SOURCE_TOPICS = 2048,           //  of them those that one source may bring
    LIMIT_TALLIES = 512,                  //  clusters counted one by one; the rest as "other"
    LIMIT_PREFER_MS = 2000,               //  a retry waits this long for another host
    LIMIT_RELEASE_BACKOFF_MIN_MS = 250,   //  attempts given back again and again: wait, doubling
    LIMIT_RELEASE_BACKOFF_MAX_MS = 60000, //  the longest such wait
    LIMIT_TURN_TIMERS = 1024,             //  incidents that timers may change in one turn
    LIMIT_TURN_ASSIGNS = 256,     //  assignments of one turn: it must get back to its sockets
    LIMIT_CLOSED_KEEP_MS = 60000, //  an ended incident is known at least this long
    //  of one incident: kept in memory; charged, lost or failed on hosts, until it ends
    LIMIT_ATTEMPTS = 32,
    LIMIT_PING_MS = 5000, //  a silent connection is asked; three without an answer make it silent
    //  a session that is asked and silent so long gives way to another of its identity
    LIMIT_RIVAL_MS = 2000,
    //  two workers with one key are logged once in this time; the metric has all
    LIMIT_REFUSAL_TOLD_MS = 60000,
    //  joined, left, draining, resumed: one record of a worker in this time, the rest later
    LIMIT_TOLD_MS = 5000,
    LIMIT_SESSION_DEAD_MS = 30000, //  silent worker: no assignment after 3 pings, dead here
    LIMIT_ACCEPT_MS = 5000,        //  ASSIGN not accepted: taken back free of charge
    //  kill grace the hard deadline counts with; the slack covers longer ones
    LIMIT_AGENT_GRACE_MS = 10000,
    LIMIT_REVOKE_SLACK_MS = 120000, //  attempt revoked at timeout + grace + this
    LIMIT_VERDICT_RETRY_MS = 2000,  //  resend until acknowledged
    LIMIT_CLOCK_JUMP_MS = 5000,     //  between two turns: drain first, extend leases once
    LIMIT_REBUILD_MS = 30000,       //  worker socket without an answer: build a new one
    LIMIT_OUTAGE_TOLD_MS = 300000,  //  nobody answers, still: said once in so long
    LIMIT_KILL_MS = 5000,           //  KILL is repeated this long, then the rest is reported
    //  the longest run; sums of it stay far from overflow
    LIMIT_AGENT_TIMEOUT_MS = 7 * 24 * 3600 * 1000,
    LIMIT_SUPERVISOR_MS = 10000,      //  a supervisor not done this long after its time is killed
    LIMIT_HOME_LOCK_MS = 5000,        //  a worker waits so long for the lock of a killed one
    LIMIT_SPOOLED = 256,              //  finished reports of one worker; beyond it no credit
    LIMIT_FILES_RETRY_MS = 5000,      //  files socket: no answer, ask again from what is known
    LIMIT_FETCH_TRIES = 12,           //  then the attempt is given back
    LIMIT_SWEEP_ENTRIES = 256,        //  entries of a folder looked at in one go of a clean-up
    LIMIT_QUARANTINE_STREAK = 3,      //  failures or refusals in a row: two may be chance
    LIMIT_QUARANTINE_MIN_MS = 10000,  //  first wait for a probe, doubled by each failure
    LIMIT_QUARANTINE_MAX_MS = 600000, //  the longest: a host that is mended is back in ten minutes
    LIMIT_AGE_STEP_MS = 600000,       //  a waiting incident gains one severity class a step
    //  --- effects
    LIMIT_EFFECT_RETRY_MIN_MS = 500,    //  first wait, doubled by each failure
    LIMIT_EFFECT_RETRY_MAX_MS = 600000, //  the longest, also of a Retry-After
    //  nobody answers: the longest wait, so that all go soon after the end of it
    LIMIT_EFFECT_UNREACHED_MS = 60000,
    LIMIT_EFFECT_TRIES = 20, //  answered tries, about an hour; then the effect is dead
    //  breaker_mode pause: first wait for a probe, doubled by each failure
    LIMIT_PROBE_MIN_MS = 5000,
    LIMIT_PROBE_MAX_MS = 600000,   //  the longest such wait
    LIMIT_SLACK_TEXT_BYTES = 2900, //  of one text of a message; Slack takes 3000 characters
    LIMIT_SLACK_POST_MS = 10000,   //  one post, connect included: its channel waits meanwhile
    LIMIT_OVERFLOW_MS = 3600000,   //  a cluster's overflow is announced once in this time
    LIMIT_OVERFLOW_SOURCE = 8,     //  and of so many clusters of one source
    //  --- journal (stream replay): each kind of record has its own share,
    //  so that none pushes out another
    LIMIT_JOURNAL_INCIDENT_ROWS = 400000, //  some four records an incident
    LIMIT_JOURNAL_ATTEMPT_ROWS = 400000,  //  some four records an attempt
    LIMIT_JOURNAL_WORKER_ROWS = 100000,   //  joined, left, draining; bounded by LIMIT_TOLD_MS
    LIMIT_JOURNAL_SOURCE_ROWS = 90000,    //  connected, lost, gap
    LIMIT_JOURNAL_BREAKER_ROWS = 10000,   //  rare: all of them for years
    LIMIT_JOURNAL_OTHER_ROWS = 10000,     //  of a kind that another version wrote
    LIMIT_JOURNAL_KINDS = 16,             //  looked at in one go of a clean-up
    LIMIT_JOURNAL_DELETE_ROWS = 500,      //  of one kind in one go
    //  --- admin HTTP
    LIMIT_HTTP_CONNECTIONS = 64,           //  of admin: each holds its memory and a descriptor
    LIMIT_HTTP_BODY_BYTES = LIMIT_MIB (1), //  of a request: commands and MCP calls are small
    LIMIT_HTTP_PAGE_ROWS = 200,            //  rows of one page: a query stays short
    //  a query ends after this: an open reader keeps the log from being truncated
    LIMIT_HTTP_QUERY_MS = 1000,
    LIMIT_HTTP_IDLE_S = 10,                   //  silent connection: closed
    LIMIT_HTTP_KEEPALIVE_S = 60,              //  silent streams: is the peer still there?
    LIMIT_HTTP_MEMORY_BYTES = LIMIT_KIB (32), //  request line and headers of one connection
    LIMIT_HTTP_REPLY_BYTES = LIMIT_MIB (4),   //  metrics of LIMIT_WORKERS, a page of records
    LIMIT_CTL_ROWS = 1000000,                 //  rows one triagectl reads
    LIMIT_CTL_COUNTED = 10000,      //  rows of a list that a table counts beyond those it shows
    LIMIT_CTL_COMPLETE_MS = 1000,   //  what a completion waits for the broker
    LIMIT_CTL_COMPLETE_ROWS = 50,   //  names it offers
    LIMIT_HTTP_FILES = 1024,        //  artifacts listed of one incident
    LIMIT_COMMAND_MS = 2000,        //  an operator's command waits so long for the loop
    LIMIT_SNAPSHOT_STALE_MS = 5000, //  older than this is unhealthy
    //  --- logs and configuration
    LIMIT_LOG_VALUE_BYTES = 4096, //  one value; longer ones are cut
    //  a line, on the stack of whoever logs; longer ones are cut
    LIMIT_LOG_LINE_BYTES = LIMIT_KIB (16),
    LIMIT_CONFIG_BYTES = LIMIT_MIB (1), //  a configuration, and what is printed of it
    LIMIT_CONFIG_ERRORS = 64,           //  named; the rest is counted
    //  of a map of texts in the configuration, as Kubernetes has it for labels
    LIMIT_MAP_KEY_BYTES = 64,
    LIMIT_MAP_VALUE_BYTES = 256,         //  its values: they are shown in prompts
    LIMIT_LABELS = 16,                   //  of one cluster: they stand in every prompt
    LIMIT_SECRET_BYTES = LIMIT_KIB (16), //  a token or a URL; a larger file is the wrong one
    LIMIT_ZAP_SILENT_MS = 5000,          //  the key check hangs: readyz tells it
    LIMIT_KEYS = 10000,                  //  enrolled keys read from keys_dir
    //  refused peers logged one by one in a minute; triage_wire_refused_total has all
    LIMIT_REFUSAL_LINES = 20
};
