// Round trips: measured while the page can be seen; no answer for long means that the connection is dead.
import { answer_within } from './sign_in.js';

const ping_every = 2000;  // ms
const most_times = 60;

export class pulse {
  times = [];        // ms; null where the connection was cut
  last_id = 2 ** 52;  // far above the numbers of messages: an error's number says what it is about
  sent = null;       // {id, at} of the ping that is under way
  timer = 0;

  /// Takes: the connection, and what is called with the times whenever there is one more.
  constructor(line, measured) {
    Object.assign(this, { line, measured });
  }

  start() {
    this.stop();
    this.timer = setInterval(() => this.beat(), ping_every);
    this.beat();
  }

  stop() {
    clearInterval(this.timer);
    this.sent = null;
    if (this.times.length > 0 && this.times.at(-1) !== null) this.times.push(null);
  }

  beat() {
    const now = performance.now();
    if (document.hidden) {
      this.sent = null;
    } else if (this.sent === null) {
      this.sent = { id: ++this.last_id, at: now };
      this.line.send('ping', this.sent.id, {});
    } else if (now - Math.max(this.sent.at, this.line.heard) > answer_within) {
      this.line.lost('There was no answer');
    }
  }

  pong(id) {
    if (id !== this.sent?.id) return;
    this.times.push(performance.now() - this.sent.at);
    if (this.times.length > most_times) this.times.shift();
    this.sent = null;
    this.measured(this.times);
  }
}
