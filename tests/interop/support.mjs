// What the tests in JavaScript share: the peers, processes with an end, and checks that say what they saw.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

export const MiB = 1024 * 1024;

/// A module of those that tests/run.sh has installed; without it the test fails.
export function peer_module(name) {
  const folder = process.env.SANSOCKET_NODE_DIR ?? '';
  if (!existsSync(path.join(folder, 'node_modules', name))) {
    console.error(`FAILED: ${name} is not in ${folder}/node_modules: tests/run.sh installs what this test needs`);
    process.exit(1);
  }
  return createRequire(path.join(folder, 'package.json'))(name);
}

const children = new Set();

function stop_children() {
  for (const child of children) child.kill('SIGKILL');
}

/// Runs the test: it must be done in time, and leaves no process behind.
export async function run(test, seconds = 90) {
  const timer = setTimeout(() => fail(`not done after ${seconds} s`), seconds * 1000);
  const fail = (problem) => {
    console.error('FAILED:', problem);
    stop_children();
    process.exit(1);
  };
  process.on('uncaughtException', fail);
  try {
    await test();
  } catch (problem) {
    fail(problem);
  }
  clearTimeout(timer);
  stop_children();
  console.log('all as expected');
  process.exit(0);  // whatever a peer still holds open
}

/// One named part of a test, with a time limit of its own.
export async function step(what, action, seconds = 30) {
  const start = performance.now();
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${seconds} s`)), seconds * 1000);
  });
  try {
    await Promise.race([action(), late]);
  } catch (problem) {
    console.error(`in: ${what}`);
    throw problem;
  } finally {
    clearTimeout(timer);
  }
  console.log(`ok  ${what} (${Math.round(performance.now() - start)} ms)`);
}

/// A program of this project, with all that it prints.
export class program {
  constructor(command, ...options) {
    this.child = spawn(command, options, { stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(this.child);
    this.output = '';
    this.errors = '';
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.output += text));
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.errors += text));
    this.ended = once(this.child, 'close').then(([status, signal]) => {
      children.delete(this.child);
      return signal ?? status;
    });
    this.ended.catch(() => {});
  }

  /// Waits for the line that says where a server listens.
  async url() {
    while (!this.output.includes('\n')) {
      const more = once(this.child.stdout, 'data');
      const status = await Promise.race([more.then(() => undefined), this.ended]);
      assert.equal(status, undefined, `it ended with ${status} and said: ${this.errors}`);
    }
    const url = /^(?:listening on|demo:) ((?:ws|http):\/\/127\.0\.0\.1:\d+\/)\n$/.exec(this.output)?.[1];
    assert.ok(url, `it said: ${this.output}`);
    return url;
  }

  /// Asks it to stop, and expects that it does so by itself and without a word.
  async stop() {
    this.child.kill('SIGTERM');
    await this.ends_with(0);
  }

  async ends_with(status) {
    assert.equal(await this.ended, status, `it said: ${this.output}${this.errors}`);
    if (status === 0) assert.equal(this.errors, '');
  }
}

/// The next message of a connection of ws, in either role; an error or a close instead of it is a failure.
export function next_message(ws) {
  return new Promise((resolve, reject) => {
    const done = (action) => {
      ws.off('message', on_message).off('close', on_close).off('error', on_error);
      action();
    };
    const on_message = (data, is_binary) => done(() => resolve(is_binary ? data : data.toString()));
    const on_close = (code, reason) => done(() => reject(new Error(`closed with ${code} ${reason}`)));
    const on_error = (problem) => done(() => reject(problem));
    ws.on('message', on_message).on('close', on_close).on('error', on_error);
  });
}

/// How a connection of ws ends: the code and the reason that its peer has sent.
export function end_of(ws) {
  return new Promise((resolve) => {
    ws.on('error', () => {});  // it is followed by close
    ws.once('close', (code, reason) => resolve([code, reason.toString()]));
  });
}

/// Sends a message and expects the same one back.
export async function round_trip(ws, message) {
  const answer = next_message(ws);
  ws.send(message);
  assert.deepEqual(await answer, message);
}

/// Bytes that show when they are out of place.
export function pattern(size) {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; ++i) bytes[i] = (i * 31 + (i >> 8)) & 0xff;
  return bytes;
}
