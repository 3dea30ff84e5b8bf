// mcp_client - the official TypeScript SDK's client against a server with event tools.
//
// Environment: URL, COUNT (faults to wait for).  Prints one JSON object a line:
//   {server}, {tools}, {subscribed}, {fault} for each, {listed}, {deleted}, {after} (how the
//   deleted session answers), and ends.
// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// The packages are in tests/npm/node_modules, which is not above this file.
const npm = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'npm', 'package.json');
const need = (name) => import(pathToFileURL(createRequire(npm).resolve(name)).href);
const { Client } = await need('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = await need(
  '@modelcontextprotocol/sdk/client/streamableHttp.js');
const { LoggingMessageNotificationSchema } = await need('@modelcontextprotocol/sdk/types.js');

const say = (value) => console.log(JSON.stringify(value));
const client = new Client({ name: 'official-sdk', version: '1' });
const transport = new StreamableHTTPClientTransport(new URL(process.env.URL));
let left = Number(process.env.COUNT);
const all = new Promise((resolve) => {
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    say({ fault: params });
    if (--left === 0) resolve();
  });
});

await client.connect(transport);
say({ server: client.getServerVersion(), capabilities: client.getServerCapabilities() });
await client.setLoggingLevel('info');
say({ tools: (await client.listTools()).tools });
const subscribe = { name: 'events_subscribe', arguments: { mode: 'faults' } };
const subscribed = await client.callTool(subscribe);
say({ subscribed: subscribed.content[0].text });
await all;
const listed = await client.callTool({ name: 'events_list_subscriptions', arguments: {} });
say({ listed: listed.content[0].text });
await client.ping();
const session = transport.sessionId;
await transport.terminateSession();
say({ deleted: session });
const after = await fetch(process.env.URL, {
  method: 'POST',
  headers: {
    'Content-Type': 'application/json', Accept: 'application/json, text/event-stream',
    'Mcp-Session-Id': session,
  },
  body: JSON.stringify({ jsonrpc: '2.0', id: 99, method: 'ping' }),
});
say({ after: after.status });
await client.close();
