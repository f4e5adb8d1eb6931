// Two browsers in one room of chat_server, through the controls of the page that it serves.
//
//   chromium_chat.mjs CHAT_SERVER CHROMIUM
import assert from 'node:assert/strict';
import process from 'node:process';
import { peer_module, run, step } from '../interop/support.mjs';
import { chat_server, own_folder } from './chat_support.mjs';

const { chromium } = peer_module('playwright-core');
const [, , server_command, executablePath] = process.argv;

const browser_options = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

const problems = [];

/// The page, as a person uses it.
class chat_page {
  constructor(page, url) {
    this.page = page;
    this.url = url;
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (problem) => problems.push(problem.message));
    // That nothing answers while the server is away is as it should be.
    page.on('console', (message) => {
      const expected = /ERR_CONNECTION_|ERR_EMPTY_RESPONSE|WebSocket connection to|status of 400/.test(message.text());
      if (message.type() === 'error' && !expected) problems.push(message.text());
    });
  }

  static async open(browser, url, look) {
    const context = await browser.newContext({ ...look, locale: 'en-GB' });
    const made = new chat_page(await context.newPage(), url);
    await made.page.goto(url);
    return made;
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  async enter(name, room = 'lobby') {
    await this.page.getByLabel('Name', { exact: true }).fill(name);
    await this.page.getByRole('textbox', { name: 'Room', exact: true }).fill(room);
    await this.button('Enter').click();
  }

  /// Does not wait for the next try, unless it has begun already. This leaves the focus where someone writes.
  hurry() {
    return this.page.evaluate(() => {
      const button = document.getElementById('try-now');
      if (!button.hidden) button.click();
    });
  }

  /// Waits until the page says so.
  async state(words) {
    await this.page.locator('#state', { hasText: words }).waitFor();
  }

  async say(text) {
    await this.page.getByRole('textbox', { name: /^Message/ }).fill(text);
    await this.page.getByRole('textbox', { name: /^Message/ }).press('Enter');
  }

  async people(...names) {
    await this.page.waitForFunction((wanted) => {
      const shown = Array.from(document.querySelectorAll('#people li'), (entry) => entry.textContent);
      return JSON.stringify(shown) === JSON.stringify(wanted);
    }, names);
  }

  /// Waits until so many messages are shown, and none of them is still to be stored.
  async all_stored(count) {
    await this.page.waitForFunction((wanted) => {
      const entries = [...document.querySelectorAll('#messages li:not(.note)')];
      return entries.length >= wanted && entries.every(({ dataset }) => dataset.state === 'stored');
    }, count);
  }

  messages() {
    return this.page.locator('#messages li:not(.note)').evaluateAll((entries) => entries.map((entry) => ({
      from: entry.querySelector('.from').textContent,
      text: entry.querySelector('.text').textContent,
    })));
  }

  message(text) {
    return this.page.locator('#messages li', { hasText: text });
  }

  problem(words) {
    return this.page.getByRole('alert').filter({ hasText: words }).waitFor();
  }
}

run(async () => {
  const server = new chat_server(server_command, own_folder());
  await server.start();
  const browser = await chromium.launch({ executablePath, args: browser_options });
  const ann = await chat_page.open(browser, server.url, { viewport: { width: 1280, height: 800 }, colorScheme: 'light' });
  const ben = await chat_page.open(browser, server.url, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
  let shown = [];

  await step('signing in: a name that cannot be is refused in words; then the two see each other', async () => {
    await ann.state(/^Not connected$/);
    await ann.enter('Ann\\');
    await ann.problem('a name is');
    await ann.enter('Ann');
    await ann.state(/^Open$/);
    await ann.people('Ann (you)');
    await ben.enter('Ben');
    await ben.state(/^Open$/);
    await ann.people('Ann (you)', 'Ben');
    await ben.people('Ann', 'Ben (you)');
    assert.equal(await ann.page.evaluate(() => document.activeElement.id), 'text');
  });

  await step('they talk: plain, an emoji, markup in two lines', async () => {
    const said = [[ann, 'Ann', 'good morning'], [ben, 'Ben', 'hello 🙂'], [ann, 'Ann', '<b>one</b>\ntwo']];
    for (const [who, from, text] of said) {
      await who.say(text);
      shown.push({ from, text });
      for (const each of [ann, ben]) await each.all_stored(shown.length);
    }
    for (const each of [ann, ben]) assert.deepEqual(await each.messages(), shown);
    await ben.say('   ');  // nothing to be said
    await ben.say('x'.repeat(4001));
    await ben.problem('at most 4000 bytes; this one has 4001');
    await ben.say('Enter makes it go');
    shown.push({ from: 'Ben', text: 'Enter makes it go' });
    await ann.all_stored(shown.length);
    assert.deepEqual(await ann.messages(), shown);
    assert.ok(await ben.page.getByRole('alert').first().isHidden());
  });

  await step('round trips are measured, drawn and told', async () => {
    await ann.page.waitForFunction(() => document.getElementById('plot-line').getAttribute('d').split('L').length >= 3);
    await ann.page.getByRole('img', { name: /^Round trips: \d[\d.]* ms now, .* in the last \d+$/ }).waitFor();
    const box = await ann.page.locator('#plot-line').boundingBox();
    assert.ok(box.width > 2, JSON.stringify(box));
  });

  await step('the server is killed: what is said then waits, and is seen to wait', async () => {
    await server.kill();
    for (const each of [ann, ben]) await each.state(/Waiting \d+\.\d s before the next try/);
    await ann.say('is anybody there?');
    await ann.message('is anybody there?').locator('.remark', { hasText: 'sending' }).waitFor();
    await server.start();
    await ann.hurry();
    for (const each of [ann, ben]) await each.state(/^Open$/);
    shown.push({ from: 'Ann', text: 'is anybody there?' });
    for (const each of [ann, ben]) {
      await each.all_stored(shown.length);
      assert.deepEqual(await each.messages(), shown);
      await each.page.waitForFunction(() => document.getElementById('people').childElementCount === 2);
    }
  });

  await step('killed twice while both talk: nothing is lost or repeated, and the order is kept', async () => {
    const count = 60;
    const texts = (name) => Array.from({ length: count }, (_, i) => `${name} says ${i}`);
    const talk = async (who, name) => {
      for (const text of texts(name)) await who.say(text);
    };
    const talks = Promise.all([talk(ann, 'Ann'), talk(ben, 'Ben')]);
    for (const at of [10, 35]) {
      await ben.message(new RegExp(`Ann says ${at}$`)).waitFor();
      await server.kill();
      await ann.state(/Waiting/);
      await server.start();
      for (const each of [ann, ben]) await each.hurry();
    }
    await talks;
    for (const each of [ann, ben]) await each.all_stored(shown.length + 2 * count);
    const [by_ann, by_ben] = [await ann.messages(), await ben.messages()];
    assert.deepEqual(by_ann, by_ben);
    assert.deepEqual(by_ann.slice(0, shown.length), shown);
    const said = by_ann.slice(shown.length);
    assert.equal(said.length, 2 * count);
    for (const name of ['Ann', 'Ben']) {
      assert.deepEqual(said.filter(({ from }) => from === name).map(({ text }) => text), texts(name));
    }
    shown = by_ann;
  }, 60);

  await step('a page that is loaded again goes on where it was', async () => {
    await server.kill();
    await ben.state(/Waiting/);
    await ben.say('said before the page was loaded again');
    await server.start();
    await ben.page.goto(server.url);
    await ben.state(/^Open$/);
    await ann.hurry();
    const last = 'said before the page was loaded again';
    shown.push({ from: 'Ben', text: last });
    await ann.message(last).waitFor();
    await ben.message(last).waitFor();
    for (const each of [ann, ben]) await each.all_stored(50);
    assert.deepEqual(await ann.messages(), shown);
    const again = await ben.messages();
    assert.ok(again.length >= 50);
    assert.deepEqual(again, shown.slice(-again.length));
  });

  await step('a page that was away for more messages than a newcomer is shown has missed none', async () => {
    const before = (await ben.messages()).length;
    await ben.page.goto('about:blank');
    await ann.people('Ann (you)');
    for (let i = 0; i < 60; ++i) await ann.say(`meanwhile ${i}`);
    await ann.message(/meanwhile 59$/).waitFor();
    await ben.page.goto(server.url);
    await ben.message(/meanwhile 59$/).waitFor();
    shown = await ann.messages();
    const again = await ben.messages();
    assert.ok(again.length >= 60 + Math.min(before, 50), String(again.length));
    assert.deepEqual(again, shown.slice(-again.length));
  });

  await step('a copy of a tab says nothing under the numbers of the first', async () => {
    const kept = await ann.page.evaluate(() => ({ ...sessionStorage }));
    const copy = new chat_page(await ann.page.context().newPage(), server.url);
    await copy.page.addInitScript((entries) => Object.assign(sessionStorage, entries), kept);
    await copy.page.goto(server.url);
    await copy.state(/^Open$/);
    await copy.say('from the copy');
    await ann.say('from the first');
    for (const text of ['from the copy', 'from the first']) await ben.message(text).waitFor();
    for (const each of [ann, ben, copy]) await each.all_stored(50);
    shown = await ann.messages();
    assert.equal(new Set(shown.slice(-2).map(({ text }) => text)).size, 2);
    await copy.page.close();
  });

  await step('a message that is refused says why; one that is provisional says that, and then no more', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const held = [];  // what the server says of the message that it "stores" late
    let was_busy = false;
    let line;
    await page.routeWebSocket('**/chat', (to_page) => {
      line = to_page;
      const to_server = to_page.connectToServer();
      to_page.onMessage((data) => {
        const { type, id, payload } = JSON.parse(data);
        const error = (code) => ({ type: 'error', id, payload: { code, detail: `this is ${code}` } });
        if (payload.text === 'refuse me') to_page.send(JSON.stringify(error('too_long')));
        else if (payload.text !== 'busy' || was_busy) to_server.send(data);
        else was_busy = (to_page.send(JSON.stringify(error('busy'))), true);
      });
      to_server.onMessage((data) => {
        const envelope = JSON.parse(data);
        const of_early = envelope.payload.text === 'early';
        if (of_early) to_page.send(JSON.stringify({ ...envelope, payload: { ...envelope.payload, at: null } }));
        if (of_early || (envelope.type === 'accepted' && envelope.id === 4)) held.push(data);
        else to_page.send(data);
      });
    });
    const cleo = new chat_page(page, server.url);
    await page.goto(server.url);
    await cleo.enter('Cleo', 'elsewhere');
    await cleo.state(/^Open$/);
    await cleo.say('refuse me');
    await cleo.message('refuse me').locator('.remark', { hasText: 'not sent: this is too_long' }).waitFor();
    await cleo.say('busy');
    await cleo.message('busy').locator('.remark', { hasText: 'the server is busy' }).waitFor();
    await cleo.say('after it');
    await page.locator('#messages li[data-state="stored"]', { hasText: 'after it' }).waitFor();
    assert.deepEqual((await cleo.messages()).map(({ text }) => text), ['busy', 'after it', 'refuse me']);
    await cleo.say('early');
    await page.locator('#messages li[data-state="provisional"] .remark', { hasText: 'not stored yet' }).waitFor();
    for (const data of held) line.send(data);
    await page.locator('#messages li[data-state="stored"]', { hasText: 'early' }).waitFor();
    assert.deepEqual((await cleo.messages()).map(({ text }) => text), ['busy', 'after it', 'early', 'refuse me']);
    await context.close();
  });

  await step('every field has a label; a phone needs no sideways scrolling, and writing stays in sight', async () => {
    const fields = await ben.page.locator('input, textarea').evaluateAll((all) => all.map((field) => field.labels.length));
    assert.deepEqual(fields, fields.map(() => 1));
    assert.equal(await ben.page.evaluate(() => document.documentElement.scrollWidth), 390);
    assert.equal(await ben.page.evaluate(() => document.documentElement.scrollHeight), 844);
    assert.ok(await ben.button('Send').isVisible());
    const send = await ben.button('Send').boundingBox();
    assert.ok(send.y + send.height <= 844, JSON.stringify(send));
  });

  await step('leaving: the other one sees it', async () => {
    await ben.button('Leave').click();
    await ben.state(/^Not connected$/);
    await ann.people('Ann (you)');
    assert.equal(await ben.page.getByLabel('Name', { exact: true }).inputValue(), 'Ben');
    await ben.button('Enter').click();
    await ann.people('Ann (you)', 'Ben');
  });

  await step('the server stops: the page says so', async () => {
    await server.stop();
    await ann.page.locator('#state', { hasText: /Waiting/ }).waitFor();
  });

  assert.deepEqual(problems, []);
  await browser.close();
}, 150);
