// What the tests of the chat in JavaScript share: a server that comes back, and files that go with the test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { program } from '../interop/support.mjs';

const at_exit = [];
process.on('exit', () => at_exit.forEach((action) => action()));

/// A folder that is gone when the test ends.
export function own_folder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'sansocket_chat_'));
  at_exit.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

/// A server that can be killed and started again: at the same port, with the same secret and journal.
export class chat_server {
  constructor(command, folder) {
    this.command = command;
    this.port = 0;
    this.files = { secret: path.join(folder, 'secret'), journal: path.join(folder, 'journal') };
    writeFileSync(this.files.secret, 'a secret that only this test knows, and its server');
    // The tests say more than people do.
    this.options = ['--quiet', '--secret-file', this.files.secret, '--journal', this.files.journal,
                    '--messages-per-second', '1000000', '--message-burst', '1000000', '--bytes-per-second', '1000000000'];
  }

  async start() {
    this.running = new program(this.command, '--port', String(this.port), ...this.options);
    while (!this.running.output.includes('\n')) {
      const more = once(this.running.child.stdout, 'data');
      const status = await Promise.race([more.then(() => undefined), this.running.ended]);
      assert.equal(status, undefined, `it ended with ${status} and said: ${this.running.errors}`);
    }
    const line = /^chat: (http:\/\/127\.0\.0\.1:(\d+)\/)\n$/.exec(this.running.output);
    assert.ok(line, `it said: ${this.running.output}`);
    [, this.url, this.port] = line;
  }

  get chat_url() {
    return `${this.url.replace('http:', 'ws:')}chat`;
  }

  async kill() {
    this.running.child.kill('SIGKILL');
    assert.equal(await this.running.ended, 'SIGKILL');
  }

  stop() {
    return this.running.stop();
  }

  async token(name) {
    const maker = new program(this.command, '--secret-file', this.files.secret, '--make-token', name);
    assert.equal(await maker.ended, 0, maker.errors);
    return maker.output.trim();
  }
}

/// A program with input. It does not outlive the test.
export class talking_program {
  constructor(command, ...options) {
    this.child = spawn(command, options, { stdio: 'pipe' });
    at_exit.push(() => this.child.kill('SIGKILL'));
    this.lines = [];
    this.errors = '';
    this.rest = '';
    this.child.stdin.on('error', () => {});  // it may end before it has read everything
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      const parts = (this.rest + text).split('\n');
      this.rest = parts.pop();
      this.lines.push(...parts);
      this.child.emit('lines');
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => {
      this.errors += text;
      this.child.emit('lines');
    });
    this.ended = once(this.child, 'close').then(([status, signal]) => signal ?? status);
  }

  async until(is_so) {
    while (!is_so(this)) {
      const status = await Promise.race([once(this.child, 'lines').then(() => undefined), this.ended]);
      assert.equal(status, undefined, `it ended with ${status} and said: ${this.errors}`);
    }
  }

  async ends_with(status) {
    assert.equal(await this.ended, status, this.errors);
  }
}
