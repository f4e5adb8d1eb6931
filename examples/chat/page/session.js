// A stay in a room: what the server says is shown, and what is said here is kept until the server has
// accepted it.
import { connection } from './connection.js';
import { conversation } from './conversation.js';
import { begin_messages, show_message, show_note, shown_state } from './messages.js';
import { outbox } from './outbox.js';
import { draw_round_trips } from './plot.js';
import { pulse } from './pulse.js';
import * as tab from './tab.js';
import { show_people, show_room, show_sign_in, show_state, show_words } from './view.js';

const most_unaccepted = 256;  // messages that wait for the server's word
const most_bytes = 4000;      // of a message

let talk = null;
const line = new connection({
  state: show_state,
  received: receive,
  refused: leave,
  dropped() {
    unsent.hold();
    round_trips.stop();
  },
});
const unsent = new outbox(line);
const round_trips = new pulse(line, draw_round_trips);

/// Enters a room, or the one where this tab was when it was loaded before.
export async function enter(name, room) {
  talk = new conversation(name, room);
  await talk.claim();
  tab.keep('chat', { name, room });
  begin_messages(talk);
  for (const { seq } of talk.unaccepted) show_own(seq, 'pending', 'sending');
  show_people([], name);
  show_room(room);
  line.begin(talk);
}

export function last_time() {
  return tab.recall('chat');
}

export function leave(words = '') {
  const waiting = talk.unaccepted.length;
  line.drop(1000);
  tab.forget('chat');
  show_state('none', 'Not connected');
  show_words('problem', words || (waiting ? `Not stored yet: ${waiting}. They go when you enter this room again.` : ''));
  show_sign_in();
}

/// Gives: why this cannot be said now, in words; empty if it can.
export function why_not(text) {
  const size = new TextEncoder().encode(text).length;
  if (size > most_bytes) return `A message has at most ${most_bytes} bytes; this one has ${size}.`;
  return talk.unaccepted.length >= most_unaccepted ? 'Too many messages are waiting to be stored.' : '';
}

export function say(text) {
  show_own(talk.say(text), 'pending', 'sending');
  unsent.flush();
}

/// Does not wait for the next try.
export function try_now() {
  line.attempt();
}

/// Someone looks at the page again.
export function look() {
  if (line.joined) round_trips.beat();
}

function receive({ type, id, payload }) {
  switch (type) {
    case 'joined': return on_joined(payload);
    case 'message': return on_message(payload);
    case 'accepted': return on_accepted(id);
    case 'presence': return show_people(payload.members, talk.name);
    case 'notice': return show_together(payload.state);
    case 'pong': return round_trips.pong(id);
    case 'error': return on_error(id, payload);
    default:  // of a later server: not for this page
  }
}

function on_joined({ user, members, complete, last_seq, state }) {
  if (user !== talk.name) return line.lost('Another tab has signed in with another name meanwhile');
  line.enter();
  if (!complete && talk.seen !== null) show_note('Something may be missing here');
  talk.seen ??= '0-0';  // from here on, everything counts as missed
  for (const { seq } of talk.unaccepted) if (seq <= last_seq) show_accepted(seq);
  talk.done((seq) => seq <= last_seq);
  show_people(members, talk.name);
  show_together(state);
  round_trips.start();
  unsent.begin();
}

function on_message(said) {
  if (said.at !== null) {
    if (talk.see(said.at)) show_message(said, 'stored');
    return;
  }
  const state = shown_state(said);
  if (state === undefined || (state === 'pending' && talk.is_own(said))) {
    show_message(said, 'provisional', 'not stored yet');
  }
}

function on_accepted(seq) {
  show_accepted(seq);
  talk.done((other) => other === seq);
}

/// It is safe. Its place in the list comes with the message itself.
function show_accepted(seq) {
  const state = shown_state(talk.own(seq));
  if (state === 'pending' || state === 'provisional') show_own(seq, 'accepted');
}

function show_own(seq, state, remark) {
  show_message(talk.own(seq), state, remark);
}

function on_error(id, { code, detail }) {
  const about = talk.unaccepted.some(({ seq }) => seq === id);
  if (about && code === 'busy') {
    show_own(id, 'pending', 'the server is busy');
    unsent.again_from(id);
  } else if (about) {
    show_own(id, 'refused', `not sent: ${detail}`);
    talk.done((seq) => seq === id);
  } else if (id === 0 && !line.joined) {
    leave(`This room cannot be entered: ${detail}`);
  } else {
    show_words('problem', `The server says: ${detail}`);
  }
}

function show_together(state) {
  if (state === 'alone') show_state('alone', 'Open, but this server is alone: messages are stored later');
  else show_state('open', 'Open');
}
