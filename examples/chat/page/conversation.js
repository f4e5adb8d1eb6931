// What one has said and seen in a room. It outlives a connection, and a reload.
import { is_behind, place_before } from './place.js';
import * as tab from './tab.js';

const most_recalled = 50;  // messages that a reload of the page shows again

function random_sender() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export class conversation {
  constructor(name, room) {
    Object.assign(this, { name, room, slot: JSON.stringify(['chat', name, room]) });
    Object.assign(this, { sender: random_sender(), seq: 0, unaccepted: [], seen: null }, tab.recall(this.slot));
    this.recent = [];  // the places of the last messages
  }

  /// Makes sure that nobody else counts with these numbers: otherwise it begins anew, as another instance
  /// of the client.
  async claim() {
    if (!(await tab.holds_alone(this.sender))) {
      Object.assign(this, { sender: random_sender(), seq: 0, unaccepted: [] });
      await tab.holds_alone(this.sender);
    }
    this.keep();
  }

  keep() {
    const { sender, seq, unaccepted } = this;
    const seen = this.recent.length > 0 ? place_before(this.recent[0]) : this.seen;
    tab.keep(this.slot, { sender, seq, unaccepted, seen });
  }

  is_own({ from, sender }) {
    return from === this.name && sender === this.sender;
  }

  /// What is to be known of an own message that is not accepted yet, or has just been.
  own(seq) {
    const { text } = this.unaccepted.find((said) => said.seq === seq) ?? { text: '' };
    return { from: this.name, sender: this.sender, seq, text };
  }

  say(text) {
    this.unaccepted.push({ seq: ++this.seq, text });
    this.keep();
    return this.seq;
  }

  /// These need not be sent again.
  done(is_done) {
    this.unaccepted = this.unaccepted.filter(({ seq }) => !is_done(seq));
    this.keep();
  }

  /// Gives: whether a message at this place is a new one.
  see(place) {
    if (this.seen !== null && !is_behind(place, this.seen)) return false;
    this.seen = place;
    this.recent.push(place);
    if (this.recent.length > most_recalled) this.recent.shift();
    this.keep();
    return true;
  }
}
