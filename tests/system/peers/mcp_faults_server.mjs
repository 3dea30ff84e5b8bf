// mcp_faults_server - a fault event server on the official TypeScript SDK (Streamable HTTP).
//
// Environment: PORT (0 = free port), CLUSTER (names, comma separated; the first is the default;
// each has its own endpoint /mcp/NAME, /mcp is the first), TOKEN (bearer token wanted), NO_TOOLS=1
// (a server without event tools), HANG=1 (events_subscribe never answers), QUOTE=1 (it refuses, and
// quotes the token).
// Prints "listening 127.0.0.1:PORT".  Control:
//   POST /_control/fault  one fault or a list, missing fields are filled in; answers {sent}
//   POST /_control/raw    a text to be written to all streams as it is
//   POST /_control/cut    end all streams;  POST /_control/drop  forget all sessions
//   POST /_control/ping   ask each session for a ping; answers {answered}
//   POST /_control/unsubscribe  forget all subscriptions, silently
//   GET  /_control/state
// SPDX-License-Identifier: Apache-2.0
import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// The packages are in tests/npm/node_modules, which is not above this file.
const npm = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'npm', 'package.json');
const need = (name) => import(pathToFileURL(createRequire(npm).resolve(name)).href);
const { McpServer } = await need('@modelcontextprotocol/sdk/server/mcp.js');
const { StreamableHTTPServerTransport } = await need(
  '@modelcontextprotocol/sdk/server/streamableHttp.js');
const { isInitializeRequest } = await need('@modelcontextprotocol/sdk/types.js');
const { z } = await need('zod');

const clusters = (process.env.CLUSTER ?? 'kind-test').split(',');
const sessions = new Map(); // session id -> {cluster, server, transport, subscriptions, streams}
const counts = { initialize: 0, subscribe: 0, list: 0, deleted: 0, sent: 0, lost: 0 };

const text = (value, isError = false) => ({ content: [{ type: 'text', text: value }], isError });
const json = (value) => JSON.stringify(value, null, 2);

function addTools (session) {
  const { server } = session;
  server.registerTool('events_subscribe', {
    inputSchema: {
      mode: z.string().optional(), namespaces: z.array(z.string()).optional(),
      type: z.string().optional(), reason: z.string().optional(),
    },
  }, async ({ mode = 'events', type }) => {
    counts.subscribe++;
    if (process.env.HANG) await new Promise(() => {});
    if (process.env.QUOTE) return text(`token ${process.env.TOKEN} may not subscribe`, true);
    if (!['events', 'faults'].includes(mode))
      return text("failed to create subscription: invalid mode: must be 'events' or 'faults'",
        true);
    if (session.subscriptions.size >= 10)
      return text('failed to create subscription: session has reached maximum subscriptions (10)',
        true);
    const subscriptionId = `sub-${randomUUID().slice(0, 8)}`;
    const entry = {
      cluster: session.cluster, createdAt: new Date().toISOString(), filters: type ? { type } : {},
      mode,
    };
    session.subscriptions.set(subscriptionId, entry);
    return text('# Event Subscription Created\n\n'
      + json({ ...entry, status: 'active', subscriptionId })
      + '\n\nYou will receive event notifications via the logging/message protocol.');
  });
  server.registerTool('events_unsubscribe', { inputSchema: { subscriptionId: z.string() } },
    async ({ subscriptionId }) => session.subscriptions.delete(subscriptionId)
      ? text('# Subscription Cancelled\n\n'
        + json({ cancelled: true, status: 'success', subscriptionId }))
      : text('failed to cancel subscription: subscription not found', true));
  server.registerTool('events_list_subscriptions', { inputSchema: {} }, async () => {
    counts.list++;
    const subscriptions = [...session.subscriptions].map(([subscriptionId, entry]) => (
      { ...entry, degraded: false, subscriptionId }));
    return text('# Active Subscriptions\n\n'
      + json({ subscriptions, total: subscriptions.length }));
  });
  server.registerTool('events_list', { inputSchema: { namespace: z.string().optional() } },
    async () => text('# No events found'));
}

async function newSession (cluster) {
  const session = { cluster, subscriptions: new Map(), streams: new Set() };
  session.server = new McpServer({ name: 'kubernetes-mcp-server', version: '0.0.0-test' },
    { capabilities: { logging: {}, tools: { listChanged: true } } });
  if (process.env.NO_TOOLS)
    session.server.registerTool('pods_list', { inputSchema: {} }, async () => text('none'));
  else
    addTools(session);
  session.transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => { sessions.set(id, session); counts.initialize++; },
    onsessionclosed: (id) => { sessions.delete(id); counts.deleted++; },
  });
  await session.server.connect(session.transport);
  return session;
}

function readBody (request) {
  return new Promise((resolve, reject) => {
    const parts = [];
    request.on('data', (part) => parts.push(part)).on('error', reject)
      .on('end', () => resolve(Buffer.concat(parts).toString() || 'null'));
  });
}

function refuse (response, status, message) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32001, message }, id: null }));
}

async function onMcp (request, response, cluster) {
  if (process.env.TOKEN && request.headers.authorization !== `Bearer ${process.env.TOKEN}`)
    return refuse(response, 401, 'token wanted');
  const body = request.method === 'POST' ? JSON.parse(await readBody(request)) : undefined;
  const id = request.headers['mcp-session-id'];
  let session = sessions.get(id);
  if (!session) {
    if (id || !body || !isInitializeRequest(body))
      return refuse(response, id ? 404 : 400, id ? 'session not found' : 'no session');
    session = await newSession(cluster);
  }
  if (request.method === 'GET') {
    session.streams.add(response);
    response.on('close', () => session.streams.delete(response));
  }
  return session.transport.handleRequest(request, response, body);
}

// One fault as the event server sends it; what the caller gives wins, as odd as it may be.
function fault (given, subscriptionId, cluster) {
  const uid = given.resource?.uid ?? randomUUID();
  const faultType = given.faultType ?? 'CrashLoop';
  const hash = createHash('sha256').update(`${cluster}:${faultType}:${uid}:`).digest('hex');
  return {
    subscriptionId, cluster, faultId: hash.slice(0, 16), faultType, severity: 'critical',
    context: 'Container entered CrashLoopBackOff state, restart count: 4, last exit code: 1',
    timestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'), ...given,
    resource: {
      apiVersion: 'v1', kind: 'Pod', name: 'web-0', namespace: 'shop', uid, ...given.resource,
    },
  };
}

// Like the real server: what is sent while no stream is open is lost and cancels the subscription.
async function emit (given) {
  let sent = 0;
  for (const session of sessions.values()) {
    for (const [id, entry] of [...session.subscriptions]) {
      if (clusters.includes(given.cluster) && given.cluster !== session.cluster) continue;
      if (session.streams.size === 0) {
        session.subscriptions.delete(id);
        counts.lost++;
        continue;
      }
      const wanted = entry.mode === 'events' && entry.filters.type;
      if (wanted && given.event && given.event.type !== wanted) continue;
      const raw = given._raw;
      const data = raw !== undefined ? raw : given.event
        ? { subscriptionId: id, cluster: session.cluster, ...given }
        : fault(given, id, session.cluster);
      const logger = entry.mode === 'events' ? 'kubernetes/events' : 'kubernetes/faults';
      await session.server.server.sendLoggingMessage({ level: 'warning', logger, data },
        session.transport.sessionId);
      sent++;
      counts.sent++;
    }
  }
  return sent;
}

const control = {
  async fault (body) {
    let sent = 0;
    for (const one of Array.isArray(body) ? body : [body ?? {}]) sent += await emit(one);
    return { sent };
  },
  async cut () {
    for (const session of sessions.values())
      for (const stream of session.streams) stream.destroy();
    return {};
  },
  async raw (text) {
    for (const session of sessions.values())
      for (const stream of session.streams) stream.write(text);
    return {};
  },
  async drop () {
    const old = [...sessions.values()];
    sessions.clear();
    for (const session of old) await session.server.close();
    return {};
  },
  async ping () {
    const answers = await Promise.all([...sessions.values()].map((session) =>
      session.server.server.ping().then(() => 1, () => 0)));
    return { answered: answers.reduce((sum, one) => sum + one, 0) };
  },
  async unsubscribe () {
    for (const session of sessions.values()) session.subscriptions.clear();
    return {};
  },
  async state () {
    const list = [...sessions].map(([id, session]) => ({
      id, cluster: session.cluster, streams: session.streams.size,
      subscriptions: [...session.subscriptions].map(([subscriptionId, entry]) => (
        { subscriptionId, mode: entry.mode, filters: entry.filters })),
    }));
    return { ...counts, sessions: list };
  },
};

const server = createServer(async (request, response) => {
  try {
    const path = request.url.split('?')[0];
    const match = /^\/_control\/(\w+)$/.exec(path);
    if (match && Object.hasOwn(control, match[1])) {
      const answer = await control[match[1]](JSON.parse(await readBody(request)));
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(answer));
    } else if (path === '/mcp' || (path.startsWith('/mcp/') && clusters.includes(path.slice(5)))) {
      await onMcp(request, response, path.slice(5) || clusters[0]);
    } else {
      refuse(response, 404, 'no such path');
    }
  } catch (error) {
    if (!response.headersSent) refuse(response, 500, String(error));
    else response.end();
  }
});
server.requestTimeout = 0; // streams live long
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening 127.0.0.1:${server.address().port}`);
});
