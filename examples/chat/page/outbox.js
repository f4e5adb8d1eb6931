// Sends what is not accepted, in order and each once a connection.

const busy_pause = 1000;  // ms

export class outbox {
  sent = 0;  // the last number sent on this connection
  timer = 0;

  constructor(line) {
    this.line = line;
  }

  /// A connection is there: what is not accepted goes again.
  begin() {
    this.sent = 0;
    this.flush();
  }

  hold() {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  flush() {
    if (!this.line.joined || this.timer !== 0) return;
    for (const { seq, text } of this.line.talk.unaccepted) {
      if (seq <= this.sent) continue;
      this.line.send('say', seq, { text });
      this.sent = seq;
    }
  }

  /// The server could not take this one: it and all behind it go again, a little later.
  again_from(seq) {
    this.sent = Math.min(this.sent, seq - 1);
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      this.flush();
    }, busy_pause);
  }
}
