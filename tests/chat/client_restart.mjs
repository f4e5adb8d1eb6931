// chat_client and a server that is killed and comes back.
//
//   client_restart.mjs CHAT_SERVER CHAT_CLIENT
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import process from 'node:process';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { next_message, peer_module, run, step } from '../interop/support.mjs';
import { chat_server, own_folder, talking_program } from './chat_support.mjs';

const { WebSocket } = peer_module('ws');
const [, , server_command, client_command] = process.argv;
const texts_of = (name, count) => Array.from({ length: count }, (_, i) => `${name} ${i}`);

run(async () => {
  const server = new chat_server(server_command, own_folder());
  await server.start();
  const tokens = { ann: await server.token('ann'), bob: await server.token('bob') };
  const client = (name, room, ...options) =>
    new talking_program(client_command, server.chat_url, '--room', room, '--token', tokens[name], ...options);

  await step('a line that is said is printed on both sides', async () => {
    const bob = client('bob', 'lobby', '--until', '2');
    await bob.until(({ errors }) => errors.includes('in room lobby as bob'));
    const ann = client('ann', 'lobby', '--until', '2');
    ann.child.stdin.end('hello\n\nand 🙂, without an end');
    bob.child.stdin.end();
    for (const each of [ann, bob]) {
      await each.ends_with(0);
      assert.deepEqual(each.lines, ['ann: hello', 'ann: and 🙂, without an end']);
    }
  });

  await step('what would steer a terminal is shown as harmless; who comes later sees what was said', async () => {
    const ws = new WebSocket(server.chat_url, 'sansocket.chat.1', { headers: { Authorization: `Bearer ${tokens.bob}` } });
    await once(ws, 'open');
    ws.send(JSON.stringify({ type: 'join', id: 0, payload: { room: 'steered', sender: '12345678', after: null } }));
    ws.send(JSON.stringify({ type: 'say', id: 1, payload: { text: 'a\u001b[2Jb\u009bc\nann: d' } }));
    const ann = client('ann', 'steered', '--until', '1');
    ann.child.stdin.end();
    await ann.ends_with(0);
    assert.deepEqual(ann.lines, ['bob: a?[2Jb?c', '    ann: d']);
    ws.terminate();
  });

  await step('2,000 messages each way, while the server is killed twice: none is lost or repeated', async () => {
    const count = 2000;
    const both = ['ann', 'bob'].map((name) => client(name, 'busy', '--json', '--until', String(2 * count)));
    const [ann, bob] = both;
    // Both are in the room before the first word.
    for (const each of both) await each.until(({ errors }) => errors.includes('in room busy'));
    ann.child.stdin.end(texts_of('ann', count).join('\n'));
    bob.child.stdin.end(texts_of('bob', count).join('\n'));
    for (const seen of [500, 1500]) {
      await bob.until(({ lines }) => lines.length >= seen);
      await server.kill();
      assert.ok(bob.lines.length < 2 * count, 'killed too late to be of any use');
      await server.start();
    }
    for (const each of both) await each.ends_with(0);
    const [by_ann, by_bob] = both.map(({ lines }) => lines.map((line) => JSON.parse(line)));
    assert.equal(by_ann.length, 2 * count);
    assert.deepEqual(by_ann, by_bob);
    for (const name of ['ann', 'bob']) {
      assert.deepEqual(by_ann.filter(({ from }) => from === name).map(({ text }) => text), texts_of(name, count));
    }
  }, 60);

  await step('a token that is not valid ends it, with words', async () => {
    const stranger = new talking_program(client_command, server.chat_url, '--room', 'lobby', '--token', 'x.1.y');
    await stranger.ends_with(1);
    assert.match(stranger.errors, /\nrefused with status 401: this is no token of this server: sign in again; trying again cannot help\n$/);
  });

  await step('what is no chat, or no token, ends it with words: a page is not shown', async () => {
    const page = server.chat_url.replace(/chat$/, '');
    const lost = new talking_program(client_command, page, '--room', 'lobby', '--token', tokens.ann);
    await lost.ends_with(1);
    assert.match(lost.errors, /\nrefused with status 200; trying again cannot help\n$/);
    const empty = new talking_program(client_command, server.chat_url, '--room', 'lobby', '--token-file', '/dev/null');
    await empty.ends_with(2);
    assert.match(empty.errors, /there is no token in \/dev\/null\n$/);
    const nobody = new talking_program(server_command, '--make-token', 'ann');
    await nobody.ends_with(1);
    assert.match(nobody.errors, /--make-token needs the --secret-file/);
  });

  await step('a room that cannot be entered ends it, with words', async () => {
    const ann = client('ann', 'x'.repeat(65));
    await ann.ends_with(1);
    assert.match(ann.errors, /not let into the room: room is longer than 64 bytes\n$/);
  });

  await step('where one server does not answer, or is busy, the next one is asked', async () => {
    const busy = http.createServer((request, response) => response.writeHead(404).end('not here\n'));
    busy.on('upgrade', (request, socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'));
    busy.listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const gone = http.createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const dead_port = gone.address().port;
    await new Promise((done) => gone.close(done));
    const urls = [`ws://127.0.0.1:${dead_port}/chat`, `ws://127.0.0.1:${busy.address().port}/chat`, server.chat_url];
    const ann = new talking_program(client_command, urls.join(','), '--room', 'third', '--token', tokens.ann, '--until', '1');
    ann.child.stdin.end('here');
    await ann.ends_with(0);
    assert.deepEqual(ann.lines, ['ann: here']);
    assert.match(ann.errors, /no connection: Connection refused; the next try is in \d+ ms\n.*refused with status 404/s);
    busy.close();
  });

  await step('the round trip is measured, and told at the end', async () => {
    const ann = client('ann', 'quiet', '--ping-after', '1', '--until', '1');
    await ann.until(({ errors }) => errors.includes('in room quiet'));
    await ann.until(({ errors }) => /over 1 ping\n/.test(errors));
    ann.child.stdin.end('enough');
    await ann.ends_with(0);
    assert.match(ann.errors, /the round trip took \d+ us, between \d+ and \d+ over \d+ pings?\n$/);
  });

  await step('wss: behind a proxy that speaks TLS; a server that is not who it should be gets nothing', async () => {
    const folder = own_folder();
    execFileSync(fileURLToPath(new URL('../interop/certificates.sh', import.meta.url)), [folder], { stdio: 'inherit' });
    const proxy = (name) => {
      const file = (ending) => readFileSync(path.join(folder, name + ending));
      const made = tls.createServer({ cert: file('.pem'), key: file('.key') }, (outer) => {
        const inner = net.connect(server.port, '127.0.0.1');
        for (const each of [inner, outer]) each.on('error', () => {});
        outer.pipe(inner).pipe(outer);
      });
      made.on('tlsClientError', () => {}).listen(0, '127.0.0.1');
      return once(made, 'listening').then(() => `wss://localhost:${made.address().port}/chat`);
    };
    const texts = texts_of('ann', 500);
    const options = ['--room', 'secret', '--token', tokens.ann, '--ca', path.join(folder, 'ca.pem')];
    const urls = [await proxy('other_host'), await proxy('good')].join(',');
    const ann = new talking_program(client_command, urls, ...options, '--until', '500');
    ann.child.stdin.end(texts.join('\n'));
    await ann.ends_with(0);
    assert.deepEqual(ann.lines, texts.map((text) => `ann: ${text}`));
    assert.match(ann.errors, /TLS: the server's certificate is refused: hostname mismatch; the next try/);
  });

  await step('an empty message is an ordinary one: it is answered, and the connection goes on', async () => {
    const ws = new WebSocket(server.chat_url, 'sansocket.chat.1', { headers: { Authorization: `Bearer ${tokens.bob}` } });
    await once(ws, 'open');
    ws.send('');
    const { type, id, payload } = JSON.parse(await next_message(ws));
    assert.deepEqual([type, id, payload.code], ['error', null, 'not_json']);
    ws.send(JSON.stringify({ type: 'ping', id: 7, payload: {} }));
    assert.deepEqual(JSON.parse(await next_message(ws)), { type: 'pong', id: 7, payload: {} });
    ws.terminate();
  });

  await step('the server stops: the client says so, and waits for it to come back', async () => {
    const ann = client('ann', 'last', '--until', '1');
    await ann.until(({ errors }) => errors.includes('in room last'));
    await server.stop();
    await ann.until(({ errors }) => errors.includes('closed with 1001'));
    await server.start();
    ann.child.stdin.end('still here\n');
    await ann.ends_with(0);
    assert.deepEqual(ann.lines, ['ann: still here']);
    await server.stop();
  });
});
