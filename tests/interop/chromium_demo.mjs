// A browser against demo_server, through the controls of the page that it serves.
//
//   chromium_demo.mjs DEMO_SERVER CHROMIUM
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import process from 'node:process';
import { MiB, peer_module, program, run, step } from './support.mjs';

const { chromium } = peer_module('playwright-core');
const [, , demo_server, executablePath] = process.argv;

const browser_options = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/// The demo page, as a person uses it.
class demo_page {
  constructor(page) {
    this.page = page;
    this.shown = { out: 0, in: 0 };  // entries of the messages
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  async connect() {
    await this.button('Connect').click();
    await this.state('Open');
  }

  async clear() {
    await this.button('Clear both').click();
    this.shown = { out: 0, in: 0 };
  }

  /// Waits until the page says so.
  async state(words) {
    await this.page.locator('#state', { hasText: new RegExp(`^${words}$`) }).waitFor();
  }

  async send_text(text) {
    await this.page.getByRole('textbox', { name: /^Text/ }).fill(text);
    await this.button('Send').click();
    const { echo, ...message } = await this.message('out');
    assert.deepEqual(message, { type: 'text', size: Buffer.byteLength(text), text: text || 'empty' });
  }

  /// The next message of a direction, once it is shown.
  async message(direction) {
    const entry = this.page.locator(`#messages li.${direction}`).nth(this.shown[direction]++);
    await entry.waitFor();
    const { type, size, echo } = await entry.evaluate((shown) => ({ ...shown.dataset }));
    return { type, size: Number(size), echo, text: await entry.locator('.content').textContent() };
  }

  /// Sends a text and expects the page to show it twice: as sent and as received.
  async text_round_trip(text) {
    await this.send_text(text);
    const { echo, ...message } = await this.message('in');
    assert.deepEqual(message, { type: 'text', size: Buffer.byteLength(text), text: text || 'empty' });
  }

  async expect_binary_echo(size) {
    assert.equal((await this.message('out')).size, size);
    const { text, ...message } = await this.message('in');
    assert.deepEqual(message, { type: 'binary', size, echo: 'same' });
  }

  async send_random_bytes(size) {
    await this.page.getByLabel('Random bytes', { exact: true }).fill(String(size));
    await this.button('Send bytes').click();
  }

  /// Waits until the wire view shows a frame.
  async frame(direction, words) {
    await this.page.locator(`#wire li.${direction} .content`, { hasText: words }).first().waitFor();
  }

  async result() {
    await this.page.locator('#result').waitFor();
    const shown = (name) => this.page.locator(`#result-${name}`).textContent();
    return { code: await shown('code'), reason: await shown('reason'), clean: await shown('clean') };
  }
}

/// The status of the answer to an upgrade request that says it comes from a page of this origin.
async function status_for_origin(url, origin) {
  const request = http.get(new URL('/ws', url), {
    agent: false,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version': '13',
      Origin: origin,
    },
  });
  const [response, socket] = await Promise.race([once(request, 'response'), once(request, 'upgrade')]);
  socket?.destroy();
  response.resume();
  return response.statusCode;
}

/// What becomes of a connection that a page opens by itself.
function connect_from(page, address) {
  return page.evaluate((to) => new Promise((resolve) => {
    const ws = new WebSocket(to);
    ws.onopen = () => resolve('open');
    ws.onclose = (event) => resolve(`closed with ${event.code}`);
  }), address);
}

run(async () => {
  const server = new program(demo_server, '--port', '0');
  const other_server = new program(demo_server, '--port', '0');
  const url = await server.url();
  const browser = await chromium.launch({ executablePath, args: browser_options });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(20_000);
  const problems = [];
  page.on('pageerror', (problem) => problems.push(problem.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  const demo = new demo_page(page);

  await step('the page loads, and connects', async () => {
    await page.goto(url);
    await demo.state('Not connected');
    assert.ok(await demo.button('Send').isDisabled());
    await demo.connect();
    await demo.frame('out', '"GET /ws?id=');
    await demo.frame('in', '"HTTP/1.1 101 Switching Protocols", 4 fields');
    await demo.frame('in', /^agreed: permessage-deflate$/);  // which the browser offers by itself
  });

  await step('text: plain, an emoji, markup in two lines, empty, by Enter', async () => {
    await demo.clear();
    await demo.text_round_trip('hello');
    await demo.text_round_trip('smile 🙂');
    await demo.text_round_trip('<b>one</b>\ntwo');
    await demo.text_round_trip('');
    await page.getByRole('textbox', { name: /^Text/ }).fill('by Enter');
    await page.getByRole('textbox', { name: /^Text/ }).press('Enter');
    assert.equal((await demo.message('in')).text, 'by Enter');
    await demo.frame('out', /^text, final, RSV1, masked, \d+ bytes: [0-9a-f]+$/);
    await demo.frame('out', /^a message of 5 bytes, compressed to \d+$/);
    await demo.frame('in', /^text, final, 5 bytes: "hello"$/);
    await demo.frame('in', /^text, final, 10 bytes: "smile 🙂"$/);
    await demo.frame('in', /^text, final, 0 bytes$/);
  });

  await step('a long text travels compressed both ways', async () => {
    await demo.clear();
    await demo.text_round_trip('compress me, '.repeat(100));
    await demo.frame('out', /^a message of 1300 bytes, compressed to \d\d$/);
    await demo.frame('in', /^text, final, RSV1, \d\d bytes: [0-9a-f]+/);
    await demo.frame('in', /^a message of 1300 bytes, compressed to \d\d$/);
  });

  await step('binary: empty, 1 MiB, a file', async () => {
    await demo.clear();
    for (const size of [0, MiB]) {
      await demo.send_random_bytes(size);
      await demo.expect_binary_echo(size);
    }
    await page.getByLabel('File', { exact: true }).setInputFiles({ name: 'a.bin', mimeType: '', buffer: Buffer.from('file') });
    await demo.button('Send file').click();
    await demo.expect_binary_echo(4);
    await page.locator('#messages li.in', { hasText: '1,048,576 bytes, as sent' }).waitFor();
    await demo.frame('in', new RegExp(`^binary, final, ${MiB} bytes: [0-9a-f]{48}\\.\\.\\.$`));
    await demo.frame('out', new RegExp(`^a message of ${MiB} bytes, compressed to \\d+$`));
    await demo.frame('out', /^a message of 4 bytes, compressed to \d+$/);
  });

  await step('the server sends fragments with a ping between, and a ping with a payload', async () => {
    await demo.clear();
    await demo.send_text('/pieces one two three');
    assert.equal((await demo.message('in')).text, 'one two three');
    await demo.frame('in', /^text, more to come, 4 bytes: "one "$/);
    await demo.frame('in', /^ping, final, 0 bytes$/);
    await demo.frame('in', /^continuation, final, 5 bytes: 7468726565$/);
    await demo.frame('out', /^pong, final, masked, 0 bytes$/);
    await demo.send_text('/ping hello');
    await demo.frame('in', /^ping, final, 5 bytes: 68656c6c6f$/);
    await demo.frame('out', /^pong, final, masked, 5 bytes: 68656c6c6f$/);
  });

  await step('a code that must not be sent is refused, and the connection goes on', async () => {
    await demo.clear();
    await demo.send_text('/close 1005 no');
    assert.match((await demo.message('in')).text, /close code/);
    await demo.text_round_trip('still open');
  });

  await step('the page closes with a code and a reason', async () => {
    await demo.clear();
    await page.getByLabel('Code', { exact: true }).fill('3210');
    await page.getByLabel('Reason', { exact: true }).fill('that was all 🙂');
    await demo.button('Close').click();
    await demo.state('Closed');
    assert.deepEqual(await demo.result(), { code: '3210', reason: 'none', clean: 'yes' });
    await demo.frame('out', /^close, final, masked, 19 bytes: 3210 registered by a framework "that was all 🙂"$/);
    await demo.frame('in', /^close, final, 2 bytes: 3210 registered by a framework$/);
  });

  await step('connected again, the server closes with a code and a reason', async () => {
    await demo.clear();
    await demo.connect();
    await demo.send_text('/close 4001 see you 🙂');
    await demo.state('Closed');
    assert.deepEqual(await demo.result(), { code: '4001', reason: 'see you 🙂', clean: 'yes' });
    await demo.frame('in', /^close, final, 14 bytes: 4001 private use "see you 🙂"$/);
    await demo.frame('out', /^close, final, masked, \d+ bytes: 4001 private use/);
  });

  await step('a message of one byte too many: 1009, and the reason is seen', async () => {
    await demo.clear();
    await demo.connect();
    await demo.send_random_bytes(MiB + 1);
    await demo.state('Closed');
    const { code, reason } = await demo.result();
    assert.equal(code, '1009');
    assert.notEqual(reason, 'none');
    await demo.frame('in', /^close, final, \d+ bytes: 1009 message too big/);
  });

  await step('a code that a page must not use is reported, and the connection goes on', async () => {
    await demo.clear();
    await demo.connect();
    await page.getByLabel('Code', { exact: true }).fill('1001');
    await demo.button('Close').click();
    await page.getByRole('alert').filter({ hasText: '1001' }).waitFor();
    await demo.text_round_trip('still open');
    assert.ok(await page.getByRole('alert').isHidden());
  });

  await step('a page of another origin is refused', async () => {
    const to = url.replace('http:', 'ws:');
    const stranger = await browser.newPage();
    await stranger.goto(await other_server.url());
    for (const path of ['ws', 'wire?id=1']) {
      assert.equal(await connect_from(stranger, to + path), 'closed with 1006');
      assert.equal(await connect_from(page, to + path), 'open');
    }
    await stranger.close();
    const own = new URL(url).origin;
    const other = new URL(await other_server.url()).origin;
    for (const [origin, status] of [[own, 101], [other, 403], ['null', 403]]) {
      assert.equal(await status_for_origin(url, origin), status, origin);
    }
  });

  await step('other routes', async () => {
    for (const [path, status] of [['', 200], ['page.js', 200], ['page.css?v=1', 200], ['none', 404], ['ws', 400]]) {
      assert.equal((await fetch(url + path)).status, status, path);
    }
    assert.equal((await fetch(url, { method: 'POST', body: 'x'.repeat(MiB) })).status, 405);
  });

  await step('every field has a label; a narrow screen needs no sideways scrolling', async () => {
    const fields = await page.locator('input, textarea').evaluateAll((all) => all.map((field) => field.labels.length));
    assert.deepEqual(fields, fields.map(() => 1));
    await page.setViewportSize({ width: 360, height: 640 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  });

  await step('the server stops: 1001', async () => {
    await server.stop();
    await demo.state('Closed');
    assert.deepEqual(await demo.result(), { code: '1001', reason: 'the server stops', clean: 'yes' });
    await other_server.stop();
  });

  assert.deepEqual(problems, []);
  await browser.close();
});
