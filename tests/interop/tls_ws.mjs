// TLS: the npm package ws, in both roles, and the two echo programs.
//
//   tls_ws.mjs ECHO_SERVER ECHO_CLIENT
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { MiB, end_of, pattern, peer_module, program, round_trip, run, step } from './support.mjs';

const WebSocket = peer_module('ws');
const [, , server_program, client_program] = process.argv;

const folder = mkdtempSync(path.join(os.tmpdir(), 'sansocket-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
execFileSync(fileURLToPath(new URL('certificates.sh', import.meta.url)), [folder], { stdio: 'inherit' });
const file = (name) => path.join(folder, name);
const ca = readFileSync(file('ca.pem'));

const messages = ['hello 🙂', '', '🙂'.repeat(100_000), Buffer.alloc(0), pattern(65536), pattern(5 * MiB)];

async function start_server(...options) {
  const server = new program(server_program, '--port', '0', '--max-message', String(8 * MiB),
    '--tls', file('good.pem'), file('good.key'), ...options);
  await Promise.race([once(server.child.stdout, 'data'), server.ended]);
  const port = /^listening on wss:\/\/127\.0\.0\.1:(\d+)\/\n$/.exec(server.output)?.[1];
  assert.ok(port, `it said: ${server.output}${server.errors}`);
  return { server, port };
}

async function connect(port, options = {}) {
  // By address: where the name leads to IPv6 first, older versions of Node.js try nothing else.
  const ws = new WebSocket(`wss://127.0.0.1:${port}/`,
    { ca, servername: 'localhost', ALPNProtocols: ['http/1.1'], ...options });
  await once(ws, 'open');
  return ws;
}

run(async () => {
  for (const options of [[], ['--deflate']]) {
    await step(`client ws, server ${options.join(' ')}: http/1.1 agreed, messages of all sizes, a clean end`, async () => {
      const { server, port } = await start_server(...options);
      const ws = await connect(port);
      assert.equal(ws._socket.alpnProtocol, 'http/1.1');
      assert.equal(ws.extensions.startsWith('permessage-deflate'), options.length !== 0);
      for (const message of messages) await round_trip(ws, message);
      const end = end_of(ws);
      ws.close(3000);
      assert.deepEqual(await end, [3000, '']);
      await server.stop();
    });
  }

  await step('client ws: many messages before the first answer is read', async () => {
    const { server, port } = await start_server();
    const ws = await connect(port, { perMessageDeflate: false });
    const sent = Array.from({ length: 300 }, (_, i) => pattern(100_000 + i));
    const received = [];
    const all_here = new Promise((resolve) => {
      ws.on('message', (data) => {
        received.push(data);
        if (received.length === sent.length) resolve();
      });
    });
    ws.pause();
    for (const message of sent.slice(0, 10)) await new Promise((done) => ws.send(message, done));
    for (const message of sent.slice(10)) ws.send(message);
    ws.resume();
    await all_here;
    assert.ok(received.every((message, i) => message.equals(sent[i])));
    ws.close();
    await server.stop();
  });

  await step('only another protocol is offered: no_application_protocol', async () => {
    const { server, port } = await start_server();
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ALPNProtocols: ['h2'] });
    const [problem] = await once(socket, 'error');
    assert.match(problem.message, /no application protocol/);
    await server.stop();
  });

  for (const options of [[], ['--deflate']]) {
    await step(`server ws, client ${options.join(' ')}: http/1.1 agreed, messages of all sizes, a clean end`, async () => {
      const https = createServer({ cert: readFileSync(file('good.pem')), key: readFileSync(file('good.key')),
        ALPNProtocols: ['h2', 'http/1.1'] });
      const server = new WebSocket.Server({ server: https, maxPayload: 0, perMessageDeflate: true });
      await once(https.listen(0, '127.0.0.1'), 'listening');
      const client = new program(client_program, `wss://localhost:${https.address().port}/`, '--ca', file('ca.pem'), ...options);
      const ended = client.ended.then((status) => assert.fail(`it ended with ${status} and said: ${client.errors}`));
      ended.catch(() => {});
      const [ws, request] = await Promise.race([once(server, 'connection'), ended]);
      assert.equal(request.socket.alpnProtocol, 'http/1.1');
      assert.equal(request.socket.servername, 'localhost');
      for (const message of messages) await round_trip(ws, message);
      ws.close(1000, 'bye');
      await client.ends_with(0);
      assert.equal(client.output, `${options.length ? 'compression agreed\n' : ''}closed 1000 bye\n`);
      https.close();
    });
  }
});
