// The client of the npm package ws against echo_server_epoll.
//
//   ws_client.mjs ECHO_SERVER
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import process from 'node:process';
import { MiB, end_of, next_message, pattern, peer_module, program, round_trip, run, step } from './support.mjs';

const WebSocket = peer_module('ws');

async function connected(url, subprotocols = [], options = {}) {
  const ws = new WebSocket(url, subprotocols, { maxPayload: 0, ...options });
  await once(ws, 'open');
  return ws;
}

/// Sends bytes over a socket of its own and gives all that comes back until the server ends it.
async function raw_exchange(url, ...parts) {
  const socket = net.connect(new URL(url).port, '127.0.0.1');
  const received = [];
  socket.on('data', (chunk) => received.push(chunk));
  for (const part of parts) socket.write(part);
  await once(socket, 'end');
  socket.destroy();
  return Buffer.concat(received);
}

const request = [
  'GET / HTTP/1.1', 'Host: 127.0.0.1', 'Upgrade: websocket', 'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', '', '',
].join('\r\n');

/// The answer to frames that come right behind the request: the code of the Close frame that ends it.
async function close_code_for(url, frames) {
  const answer = await raw_exchange(url, request, Buffer.from(frames));
  const head_end = answer.indexOf('\r\n\r\n');
  const head = answer.subarray(0, head_end).toString();
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=(\r\n|$)/i);  // §1.3
  const close = answer.subarray(head_end + 4);
  assert.equal(close[0], 0x88);
  assert.equal(close[1], close.length - 2, 'nothing follows the Close frame');
  return close.readUInt16BE(2);
}

/// The server's answer to a request that ws itself would not send, or would not take the answer of.
function response_to(url, headers) {
  return new Promise((resolve, reject) => {
    const { port } = new URL(url);
    const sent = http.get({ host: '127.0.0.1', port, agent: false, headers });
    sent.on('error', reject);
    sent.on('response', (response) => resolve(response.resume()));
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response);
    });
  });
}

const upgrade_headers = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
};

run(async () => {
  const server = new program(process.argv[2], '--port', '0', '--max-message', String(MiB));
  const url = await server.url();

  await step('text: short, empty, every length of UTF-8, long', async () => {
    const ws = await connected(url);
    for (const text of ['hello', '', 'é', '€', '🙂', 'line\nbreak \u0000 nul', '🙂'.repeat(MiB / 4)]) await round_trip(ws, text);
    ws.terminate();
  });

  await step('binary: around every edge of the length field, up to the limit', async () => {
    const ws = await connected(url);
    for (const size of [0, 1, 125, 126, 127, 65535, 65536, MiB]) await round_trip(ws, pattern(size));
    ws.terminate();
  });

  await step('permessage-deflate is offered and not taken', async () => {
    const ws = await connected(url, [], { perMessageDeflate: true });
    assert.equal(ws.extensions, '');
    await round_trip(ws, 'uncompressed');
    ws.terminate();
  });

  await step('fragments: of text cut within a code point, of binary, empty ones, with a ping between', async () => {
    const ws = await connected(url);
    const text = 'héllo 🙂 wörld';
    const bytes = Buffer.from(text);
    let answer = next_message(ws);
    for (let i = 0; i < bytes.length; ++i) {
      ws.send(bytes.subarray(i, i + 1), { binary: false, fin: i + 1 === bytes.length });
      if (i === 4) ws.ping('between');
    }
    const pong = await once(ws, 'pong');
    assert.equal(pong[0].toString(), 'between');
    assert.equal(await answer, text);

    const data = pattern(200_000);
    answer = next_message(ws);
    ws.send(data.subarray(0, 70_000), { fin: false });
    ws.send(Buffer.alloc(0), { fin: false });
    ws.send(data.subarray(70_000), { fin: false });
    ws.send(Buffer.alloc(0), { fin: true });
    assert.deepEqual(await answer, data);
    ws.terminate();
  });

  await step('many messages at once come back in order', async () => {
    const ws = await connected(url);
    const sent = Array.from({ length: 500 }, (_, i) => `${i} ${'x'.repeat((i * 37) % 3000)}`);
    const received = [];
    const all = new Promise((resolve) => {
      ws.on('message', (data) => received.push(data.toString()) === sent.length && resolve());
    });
    for (const message of sent) ws.send(message);
    await all;
    assert.deepEqual(received, sent);
    ws.terminate();
  });

  await step('ping: its payload comes back, empty and of 125 bytes as well', async () => {
    const ws = await connected(url);
    for (const payload of ['', 'are you there?', 'p'.repeat(125)]) {
      ws.ping(payload);
      assert.equal((await once(ws, 'pong'))[0].toString(), payload);
    }
    ws.pong('unasked');
    await round_trip(ws, 'still there');
    ws.terminate();
  });

  await step('close: the code comes back, and no code for none', async () => {
    for (const code of [1000, 1001, 1003, 1011, 1013, 3000, 3999, 4000, 4999]) {
      const ws = await connected(url);
      const end = end_of(ws);
      ws.close(code, 'as the client says 🙂');
      assert.equal((await end)[0], code);
    }
    const ws = await connected(url);
    const end = end_of(ws);
    ws.close();
    assert.deepEqual(await end, [1005, '']);
  });

  await step('subprotocol: echo if it is offered, none otherwise', async () => {
    for (const offered of [['echo'], ['chat', 'echo', 'superchat']]) {
      const ws = await connected(url, offered);
      assert.equal(ws.protocol, 'echo');
      ws.terminate();
    }
    const ws = await connected(url);
    assert.equal(ws.protocol, '');
    ws.terminate();
    const unmatched = await response_to(url, { ...upgrade_headers, 'Sec-WebSocket-Protocol': 'chat' });
    assert.equal(unmatched.statusCode, 101);
    assert.equal(unmatched.headers['sec-websocket-protocol'], undefined);
  });

  await step('a message of one byte too many: 1009, whole and in fragments', async () => {
    let ws = await connected(url);
    let end = end_of(ws);
    ws.send(pattern(MiB + 1));
    assert.equal((await end)[0], 1009);

    ws = await connected(url);
    end = end_of(ws);
    ws.send(pattern(MiB), { fin: false });
    ws.send(pattern(1), { fin: true });
    assert.equal((await end)[0], 1009);
  });

  await step('frames that break a rule, over a bare socket', async () => {
    const masked = (first, ...payload) => [first, 0x80 | payload.length, 0, 0, 0, 0, ...payload];
    const cases = {
      'not masked (§5.1)': [1002, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]],
      'RSV1 without an extension (§5.2)': [1002, masked(0xc1, 0x61)],
      'reserved opcode 3 (§5.2)': [1002, masked(0x83)],
      'reserved opcode 11 (§5.2)': [1002, masked(0x8b)],
      'a length of 5 in 16 bits (§5.2)': [1002, [0x82, 0xfe, 0x00, 0x05, 0, 0, 0, 0, 1, 2, 3, 4, 5]],
      'a length of 2^63 (§5.2)': [1002, [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
      'a fragmented ping (§5.5)': [1002, masked(0x09)],
      'a ping of 126 bytes (§5.5)': [1002, [0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0]],
      'a continuation of nothing (§5.4)': [1002, masked(0x80, 0x61)],
      'text within a message (§5.4)': [1002, [...masked(0x01, 0x61), ...masked(0x81, 0x62)]],
      'a Close of one byte (§5.5.1)': [1002, masked(0x88, 0x03)],
      'a Close with 1005 (§7.4.1)': [1002, masked(0x88, 0x03, 0xed)],
      'text that is not UTF-8 (§8.1)': [1007, masked(0x81, 0xc0, 0xaf)],
      'a reason that is not UTF-8 (§5.5.1)': [1007, masked(0x88, 0x03, 0xe8, 0xff)],
      'noise': [1002, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    };
    for (const [what, [code, frames]] of Object.entries(cases)) {
      assert.equal(await close_code_for(url, frames), code, what);
    }
  });

  await step('requests that are no upgrade', async () => {
    assert.match((await raw_exchange(url, 'this is no request\r\n\r\n')).toString(), /^HTTP\/1\.1 400 /);
    const long = await raw_exchange(url, `GET / HTTP/1.1\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`);
    assert.match(long.toString(), /^HTTP\/1\.1 431 /);
    const { 'Sec-WebSocket-Key': key, ...without_key } = upgrade_headers;
    assert.equal((await response_to(url, without_key)).statusCode, 400);
    assert.equal((await response_to(url, { ...upgrade_headers, 'Sec-WebSocket-Key': key.slice(4) })).statusCode, 400);
    const old = await response_to(url, { ...upgrade_headers, 'Sec-WebSocket-Version': '12' });
    assert.equal(old.statusCode, 426);
    assert.equal(old.headers['sec-websocket-version'], '13');
  });

  await step('a client that only sends a ping after the Close does not keep the server from stopping', async () => {
    const other = new program(process.argv[2], '--port', '0');
    const ws = await connected(await other.url());
    ws._receiver.removeAllListeners('conclude'); // so that it does not answer the Close
    const told = new Promise((resolve) => ws._receiver.once('conclude', resolve));
    const stopped = other.stop();
    await told;
    ws.ping('still here');
    await stopped;
  });

  await step('200 connections at once, all closed with 1001 when the server stops', async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => connected(url)));
    await Promise.all(all.map((ws, i) => round_trip(ws, `connection ${i}`)));
    const ends = all.map(end_of);
    await server.stop();
    for (const [code] of await Promise.all(ends)) assert.equal(code, 1001);
  });
});
