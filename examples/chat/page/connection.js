// The connection of a conversation: it comes back by itself, never together with a thousand others, and asks
// for what was missed meanwhile.
import { answer_within, sign_in } from './sign_in.js';

const backoff = { base: 500, cap: 60_000, stable: 30_000, overload: 5000, spread: 25_000, longest: 3_600_000 };  // ms

const endings = {
  1001: 'The server has stopped', 1006: 'The connection was cut', 1008: 'That was too much at once',
  1012: 'The server restarts', 1013: 'The server has too much to do',
};

const is_refusal = (status) => status >= 400 && status < 500 && status !== 429;

export class connection {
  ws = null;
  joined = false;
  attempts = 0;
  opened = Infinity;  // when the connection was there
  heard = 0;          // when something came
  timer = 0;
  turn = 0;           // counts attempts, so that a late answer to an earlier one is known as such

  /// Takes: who is told of it: state(name, words), received(envelope), refused(words), dropped().
  constructor(told) {
    this.told = told;
  }

  begin(talk) {
    this.talk = talk;
    this.attempts = 0;
    this.attempt();
  }

  async attempt() {
    clearTimeout(this.timer);
    const turn = ++this.turn;
    this.told.state('connecting', 'Connecting');
    const { status, words, pause } = await sign_in(this.talk.name);
    if (turn !== this.turn) return;
    if (is_refusal(status)) this.told.refused(words);
    else if (status !== 204) this.wait(words, pause);
    else this.open();
  }

  open() {
    this.opened = Infinity;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.ws = new WebSocket(`${scheme}://${location.host}/chat`, 'sansocket.chat.1');
    this.timer = setTimeout(() => this.lost('There was no answer'), answer_within);
    this.ws.onopen = () => {
      this.opened = performance.now();
      this.send('join', 0, { room: this.talk.room, sender: this.talk.sender, after: this.talk.seen });
    };
    this.ws.onmessage = ({ data }) => {
      this.heard = performance.now();
      this.told.received(JSON.parse(data));
    };
    this.ws.onclose = ({ code }) => {
      const words = this.opened === Infinity ? 'The server did not let us in' : endings[code] ?? `Closed with ${code}`;
      this.lost(words, code === 1012 || code === 1013 ? backoff.overload : 0);
    };
  }

  /// The server has let us into the room.
  enter() {
    clearTimeout(this.timer);
    this.joined = true;
  }

  send(type, id, payload) {
    this.ws.send(JSON.stringify({ type, id, payload }));
  }

  /// Lets go of the connection at once, whatever becomes of it: a dead one takes long to close.
  drop(code) {
    clearTimeout(this.timer);
    ++this.turn;
    this.joined = false;
    this.told.dropped();
    if (this.ws) this.ws.onopen = this.ws.onmessage = this.ws.onclose = null;
    this.ws?.close(code);
    this.ws = null;
  }

  lost(words, least = 0) {
    this.drop();
    this.wait(words, least);
  }

  /// Full jitter: anything up to a bound that doubles; on top of what the server has asked for, more. Only a
  /// connection that lasted begins anew.
  wait(words, least) {
    if (performance.now() - this.opened >= backoff.stable) this.attempts = 0;
    this.opened = Infinity;
    const most = Math.min(backoff.cap, backoff.base * 2 ** this.attempts++);
    const pause = Math.min(least, backoff.longest) + Math.random() * (least > 0 ? Math.max(most, backoff.spread) : most);
    this.told.state('waiting', `${words}. Waiting ${(pause / 1000).toFixed(1)} s before the next try`);
    this.timer = setTimeout(() => this.attempt(), pause);
  }
}
