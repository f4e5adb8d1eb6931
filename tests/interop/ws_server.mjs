// The server of the npm package ws, and some worse ones, against echo_client_posix.
//
//   ws_server.mjs ECHO_CLIENT
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import process from 'node:process';
import { MiB, end_of, next_message, pattern, peer_module, program, round_trip, run, step } from './support.mjs';

const { WebSocketServer } = peer_module('ws');

/// Starts a server, and the client against it.
async function meet(options = {}, ...client_options) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 0, ...options });
  await once(server, 'listening');
  const client = new program(process.argv[2], `ws://127.0.0.1:${server.address().port}/`, ...client_options);
  return { server, client };
}

async function connection({ server, client }) {
  const ended = client.ended.then((status) => assert.fail(`it ended with ${status} and said: ${client.errors}`));
  ended.catch(() => {});
  const [ws] = await Promise.race([once(server, 'connection'), ended]);
  return ws;
}

/// Answers the first request with bytes of the test's choice, and gives all that came after it.
async function raw_meeting(answer_to) {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new program(process.argv[2], `ws://127.0.0.1:${server.address().port}/`);
  const [socket] = await once(server, 'connection');
  const closed = once(socket, 'close');
  const received = [];
  let request = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    if (request.endsWith('\r\n\r\n')) return received.push(chunk);
    request += chunk.toString('latin1');
    if (request.endsWith('\r\n\r\n')) socket.end(answer_to(request));
  });
  const [status] = await Promise.all([client.ended, closed]);
  server.close();
  return { client, status, request, received: Buffer.concat(received) };
}

/// The response of a server that agrees.
function accepted(request, ...frames) {
  const key = /^sec-websocket-key: *(\S+)/im.exec(request)[1];
  const accept = createHash('sha1').update(key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(frames)]);
}

function unmasked(frame) {
  assert.ok(frame[1] & 0x80, 'a client masks (§5.1)');
  const key = frame.subarray(2, 6);
  return frame.subarray(6, 6 + (frame[1] & 0x7f)).map((byte, i) => byte ^ key[i % 4]);
}

run(async () => {
  await step('messages come back: text, binary around every edge, fragments', async () => {
    const { server, client } = await meet();
    const ws = await connection({ server, client });
    for (const text of ['hello', '', 'é€🙂', '🙂'.repeat(100_000)]) await round_trip(ws, text);
    for (const size of [0, 1, 125, 126, 127, 65535, 65536, MiB]) await round_trip(ws, pattern(size));

    const bytes = Buffer.from('cut 🙂 in pieces');
    const answer = next_message(ws);
    for (let i = 0; i < bytes.length; ++i) {
      ws.send(bytes.subarray(i, i + 1), { binary: false, fin: i + 1 === bytes.length });
      if (i === 5) ws.ping('between');
    }
    assert.equal((await once(ws, 'pong'))[0].toString(), 'between');
    assert.equal(await answer, bytes.toString());

    ws.close(1000, 'bye');
    await client.ends_with(0);
    assert.equal(client.output, 'closed 1000 bye\n');
    server.close();
  });

  await step('pings are answered with their payload', async () => {
    const { server, client } = await meet();
    const ws = await connection({ server, client });
    for (const payload of ['', 'are you there?', 'p'.repeat(125)]) {
      ws.ping(payload);
      assert.equal((await once(ws, 'pong'))[0].toString(), payload);
    }
    ws.close(1000);
    await client.ends_with(0);
    server.close();
  });

  await step('the code of a Close comes back, and is printed with its reason', async () => {
    for (const [code, reason] of [[1000, 'bye'], [1001, 'moving 🙂'], [1013, 'later'], [3000, ''], [4999, 'r'.repeat(123)]]) {
      const { server, client } = await meet();
      const ws = await connection({ server, client });
      const end = end_of(ws);
      ws.close(code, reason);
      assert.equal((await end)[0], code);
      await client.ends_with(0);
      assert.equal(client.output.trimEnd(), `closed ${code} ${reason}`.trimEnd());
      server.close();
    }
  });

  await step('--message: one message, its answer, and 1000', async () => {
    const { server, client } = await meet({}, '--message', 'hello 🙂');
    const ws = await connection({ server, client });
    const end = end_of(ws);
    const text = await next_message(ws);
    assert.equal(text, 'hello 🙂');
    ws.send(`answer to ${text}`);
    assert.equal((await end)[0], 1000);
    await client.ends_with(0);
    assert.match(client.output, /answer to hello 🙂\n/);
    assert.match(client.output, /closed 1000/);
    server.close();
  });

  await step('permessage-deflate of the server does not come into play', async () => {
    const { server, client } = await meet({ perMessageDeflate: true });
    const ws = await connection({ server, client });
    assert.equal(ws.extensions, '');
    await round_trip(ws, 'x'.repeat(5000));
    ws.close(1000);
    await client.ends_with(0);
    server.close();
  });

  await step('a refusal is reported', async () => {
    const { server, client } = await meet({ verifyClient: (_, answer) => answer(false, 401) });
    assert.notEqual(await client.ended, 0);
    assert.match(client.errors, /401/);
    server.close();
  });

  const greeting = [0x81, 0x02, 0x68, 0x69];
  const goodbye = [0x88, 0x02, 0x03, 0xe8];

  await step('an accept key for another request ends it before any frame', async () => {
    const for_another = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    const { status, received } = await raw_meeting(() => accepted(for_another, ...greeting, ...goodbye));
    assert.notEqual(status, 0);
    assert.equal(received.length, 0);
  });

  await step('frames right behind the head are heard; a masked one fails the connection with 1002', async () => {
    const good = await raw_meeting((request) => accepted(request, ...greeting, ...goodbye));
    assert.deepEqual(unmasked(good.received).toString(), 'hi');
    assert.equal(unmasked(good.received.subarray(8)).readUInt16BE(), 1000);
    assert.equal(good.status, 0);

    const bad = await raw_meeting((request) => accepted(request, 0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69));
    assert.notEqual(bad.status, 0);
    assert.equal(bad.received[0], 0x88);
    assert.equal(unmasked(bad.received).readUInt16BE(), 1002);
  });

  await step('a server that goes without a Close is reported as 1006', async () => {
    const { server, client } = await meet();
    const ws = await connection({ server, client });
    ws.terminate();
    assert.notEqual(await client.ended, 0);
    assert.match(client.output, /^closed 1006/m);
    server.close();
  });
});
