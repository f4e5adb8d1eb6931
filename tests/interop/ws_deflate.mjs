// permessage-deflate between the npm package ws, in both roles, and the two echo programs.
//
//   ws_deflate.mjs ECHO_SERVER ECHO_CLIENT
import assert from 'node:assert/strict';
import { once } from 'node:events';
import process from 'node:process';
import { MiB, end_of, next_message, pattern, peer_module, program, round_trip, run, step } from './support.mjs';

const WebSocket = peer_module('ws');
const [, , echo_server, echo_client] = process.argv;

const text = 'many scripts: héllo, γειά, привет, 你好, 🙂. '.repeat(40);
const noise = pattern(100_000).map((byte, i) => (byte * i * 2_654_435_761) >>> 24);
const messages = [text, '', 'short', text, pattern(300), noise, text.repeat(300), Buffer.alloc(MiB), text];

/// Every parameter that ws lets one choose.
const offers = [
  { threshold: 0 },
  { threshold: 0, serverNoContextTakeover: true },
  { threshold: 0, clientNoContextTakeover: true },
  { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
  { threshold: 0, serverMaxWindowBits: 9 },
  { threshold: 0, clientMaxWindowBits: 10, serverMaxWindowBits: 12, serverNoContextTakeover: true },
  { threshold: 1024 },
];

/// The bytes that a connection of ws has taken in while something was done.
async function bytes_in(ws, action) {
  const before = ws._socket.bytesRead;
  await action();
  return ws._socket.bytesRead - before;
}

run(async () => {
  for (const options of [['--deflate'], ['--deflate', '--no-context-takeover']]) {
    const server = new program(echo_server, '--port', '0', '--max-message', String(MiB), ...options);
    const url = await server.url();

    await step(`client ws, server ${options.join(' ')}: all parameters, all kinds of messages`, async () => {
      for (const offer of offers) {
        const ws = new WebSocket(url, [], { maxPayload: 0, perMessageDeflate: offer });
        await once(ws, 'open');
        assert.match(ws.extensions, /^permessage-deflate/);
        for (const message of messages) await round_trip(ws, message);
        assert.ok((await bytes_in(ws, () => round_trip(ws, Buffer.alloc(MiB)))) < 5000, 'the echo came compressed');
        ws.terminate();
      }
    });

    await step('fragments, compressed, with a ping between', async () => {
      const ws = new WebSocket(url, [], { maxPayload: 0, perMessageDeflate: { threshold: 0 } });
      await once(ws, 'open');
      const whole = Buffer.from('more than a line of letters, '.repeat(60)).subarray(0, 1500);
      for (let round = 0; round < 3; ++round) {
        const answer = next_message(ws);
        for (let i = 0; i < 5; ++i) {
          ws.send(whole.subarray(i * 300, (i + 1) * 300), { binary: false, fin: i === 4, compress: true });
          if (i === 1) ws.ping('between');
        }
        const [pong] = await once(ws, 'pong');
        assert.equal(pong.toString(), 'between');
        assert.equal(await answer, whole.toString());
      }
      ws.terminate();
    });

    await step('one byte more than the limit once it is inflated: 1009', async () => {
      const ws = new WebSocket(url, [], { maxPayload: 0, perMessageDeflate: { threshold: 0 } });
      await once(ws, 'open');
      const end = end_of(ws);
      ws.send(Buffer.alloc(MiB + 1));
      assert.equal((await end)[0], 1009);
    });

    await step('a client that does not ask for compression gets none', async () => {
      const ws = new WebSocket(url, [], { maxPayload: 0, perMessageDeflate: false });
      await once(ws, 'open');
      assert.equal(ws.extensions, '');
      await round_trip(ws, text);
      ws.terminate();
    });

    await step('a window of 8 bits for the server is declined, and the connection goes on without', async () => {
      const ws = new WebSocket(url, [], { maxPayload: 0, perMessageDeflate: { serverMaxWindowBits: 8 } });
      await once(ws, 'open');
      assert.equal(ws.extensions, '');
      await round_trip(ws, text);
      ws.terminate();
    });
    await server.stop();
  }

  await step('server ws, client --deflate: what the server chooses is kept to', async () => {
    for (const chosen of [true, ...offers]) {
      const server = new WebSocket.WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 0, perMessageDeflate: chosen });
      await once(server, 'listening');
      const client = new program(echo_client, `ws://127.0.0.1:${server.address().port}/`, '--deflate');
      const [ws] = await once(server, 'connection');
      assert.match(ws.extensions, /^permessage-deflate/);
      for (const message of messages) await round_trip(ws, message);
      assert.ok((await bytes_in(ws, () => round_trip(ws, Buffer.alloc(MiB)))) < 5000, 'the echo came compressed');
      ws.close(1000, 'bye');
      await client.ends_with(0);
      assert.equal(client.output, 'compression agreed\nclosed 1000 bye\n');
      server.close();
    }
  });

  await step('server ws without compression: the client goes on without', async () => {
    const server = new WebSocket.WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    await once(server, 'listening');
    const client = new program(echo_client, `ws://127.0.0.1:${server.address().port}/`, '--deflate');
    const [ws] = await once(server, 'connection');
    await round_trip(ws, text);
    ws.close(1000);
    await client.ends_with(0);
    assert.match(client.output, /^compression not agreed\n/);
    server.close();
  });
});
