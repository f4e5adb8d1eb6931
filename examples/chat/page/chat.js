// A chat over a WebSocket that may break at any time. What is said is kept until the server has accepted
// it, and sent again in order until then; what was missed is asked for by the place of the last message
// seen. Texts from elsewhere reach the page as text alone, never as markup.

const most_unaccepted = 256;  // messages that wait for the server's word
const most_entries = 500;     // of the list of messages
const most_recalled = 50;     // messages that a reload of the page shows again
const most_bytes = 4000;      // of a message
const ping_every = 2000;      // ms, while the page can be seen
const answer_within = 10_000;
const busy_pause = 1000;
const backoff = { base: 500, cap: 60_000, stable: 30_000, overload: 5000, spread: 25_000, longest: 3_600_000 };

const element = (name) => document.getElementById(name);

function show_words(name, words) {
  element(name).textContent = words;
  element(name).hidden = words === '';
}

function made(tag, class_name, words = '') {
  const node = document.createElement(tag);
  node.className = class_name;
  node.textContent = words;
  return node;
}

// Places in a room's log: "ms-n", which order as a pair of numbers

const numbers_of = (place) => place.split('-').map(Number);

function is_behind(place, other) {
  const [ms, n] = numbers_of(place);
  const [other_ms, other_n] = numbers_of(other);
  return ms > other_ms || (ms === other_ms && n > other_n);
}

/// A place before this one, near enough: what is behind it begins with this one or little before it.
function place_before(place) {
  const [ms, n] = numbers_of(place);
  return n > 0 ? `${ms}-${n - 1}` : `${Math.max(ms - 1, 0)}-0`;
}

// What must outlive a connection, and a reload: kept for this tab alone

const tab = {
  keep(slot, value) {
    try {
      sessionStorage.setItem(slot, JSON.stringify(value));
    } catch {
      // No room, or storage is forbidden: a reload forgets then, the page itself does not.
    }
  },
  recall(slot) {
    try {
      return JSON.parse(sessionStorage.getItem(slot));
    } catch {
      return null;
    }
  },
  forget: (slot) => tab.keep(slot, null),
};

function random_sender() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const held = new Set();

/// A duplicated tab has a copy of what the first one keeps, but must not count on with the same numbers:
/// only one of them gets the lock. It is waited for, since a page that is being reloaded holds it a
/// little longer.
function holds_alone(sender) {
  if (held.has(sender) || !navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks.request(`chat/${sender}`, { signal: AbortSignal.timeout(1000) }, () => {
      held.add(sender);
      resolve(true);
      return new Promise(() => {});  // as long as the page lives
    }).catch(() => resolve(false));
  });
}

/// What one has said and seen in a room.
class conversation {
  constructor(name, room) {
    Object.assign(this, { name, room, slot: JSON.stringify(['chat', name, room]) });
    Object.assign(this, { sender: random_sender(), seq: 0, unaccepted: [], seen: null }, tab.recall(this.slot));
    this.recent = [];  // the places of the last messages
  }

  /// Begins anew, as another instance of the client.
  renew() {
    Object.assign(this, { sender: random_sender(), seq: 0, unaccepted: [] });
  }

  keep() {
    const { sender, seq, unaccepted } = this;
    const seen = this.recent.length > 0 ? place_before(this.recent[0]) : this.seen;
    tab.keep(this.slot, { sender, seq, unaccepted, seen });
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

// The list of messages: those of the log in its order, behind them those that have no place in it yet

const messages = {
  list: element('messages'),
  entries: new Map(),   // by who said it as which number
  unplaced: new Set(),  // in the order of the list

  key: (from, sender, seq) => JSON.stringify([from, sender, seq]),

  clear() {
    messages.list.replaceChildren();
    messages.entries.clear();
    messages.unplaced.clear();
  },

  /// Shows a message, or shows it anew: "stored" gives it its place for good.
  show({ from, sender, seq, text, time = Date.now() }, state, remark = '') {
    const key = messages.key(from, sender, seq);
    const own = from === talk.name && sender === talk.sender;
    const entry = messages.entries.get(key) ?? messages.make(key, from, text, own);
    const [when, words] = entry.querySelectorAll('time, .remark');
    when.dateTime = new Date(time).toISOString();
    when.textContent = new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    words.textContent = remark;
    Object.assign(entry.dataset, { from, seq, state });
    messages.put(entry, state === 'stored');
  },

  make(key, from, text, own) {
    const entry = made('li', own ? 'own' : 'other');
    const head = made('p', 'head');
    head.append(made('span', 'from', from), made('time', ''), made('span', 'remark'));
    entry.append(head, made('p', 'text', text));
    entry.key = key;
    messages.entries.set(key, entry);
    return entry;
  },

  /// The end stays in sight unless the reader has scrolled away from it.
  put(entry, placed) {
    const { list, unplaced } = messages;
    const at_end = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
    const known = entry.parentNode === list;
    const first = unplaced.values().next().value ?? null;
    if (placed && (unplaced.delete(entry) || !known) && first !== entry) list.insertBefore(entry, first);
    if (!placed && !known) list.append(entry);
    if (!placed) unplaced.add(entry);
    while (list.childElementCount > most_entries) {
      const oldest = list.firstElementChild;
      messages.entries.delete(oldest.key);
      unplaced.delete(oldest);
      oldest.remove();
    }
    if (at_end) list.scrollTop = list.scrollHeight;
  },

  note: (words) => messages.put(made('li', 'note', words), true),

  state_of: (seq) => messages.entries.get(messages.key(talk.name, talk.sender, seq))?.dataset.state,
};

// Round trips: measured while the page can be seen; no answer for long means that the connection is dead

const pulse = {
  times: [],      // ms; null where the connection was cut
  last_id: 2 ** 52,  // far above the numbers of messages: an error's number says what it is about
  sent: null,     // {id, at} of the ping that is under way
  heard: 0,       // when something came
  timer: 0,

  start() {
    pulse.stop();
    pulse.timer = setInterval(pulse.beat, ping_every);
    pulse.beat();
  },

  stop() {
    clearInterval(pulse.timer);
    pulse.sent = null;
    if (pulse.times.length > 0 && pulse.times.at(-1) !== null) pulse.times.push(null);
  },

  beat() {
    const now = performance.now();
    if (document.hidden) {
      pulse.sent = null;
    } else if (pulse.sent === null) {
      pulse.sent = { id: ++pulse.last_id, at: now };
      line.send('ping', pulse.sent.id, {});
    } else if (now - Math.max(pulse.sent.at, pulse.heard) > answer_within) {
      line.lost('There was no answer');
    }
  },

  pong(id) {
    if (id !== pulse.sent?.id) return;
    pulse.times.push(performance.now() - pulse.sent.at);
    if (pulse.times.length > 60) pulse.times.shift();
    pulse.sent = null;
    pulse.draw();
  },

  draw() {
    const measured = pulse.times.filter((time) => time !== null);
    const most = Math.max(...measured);
    const power = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
    const scale = power * [1, 2, 5, 10].find((step) => step * power >= most);
    let pen = 'M';
    const path = pulse.times.map((time, i) => {
      if (time === null) return (pen = 'M', '');
      const point = `${pen}${2 * i + 1} ${(39.5 - 39 * time / scale).toFixed(2)}${pen === 'M' ? 'h0' : ''}`;
      pen = 'L';
      return point;
    }).join('');
    element('plot-line').setAttribute('d', path);
    const words = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
    const [now, range] = [words(measured.at(-1)), `${words(Math.min(...measured))} to ${words(most)}`];
    element('plot-now').textContent = now;
    element('plot-range').textContent = `${range}, top line ${scale} ms`;
    element('plot').setAttribute('aria-label', `Round trips: ${now} now, ${range} in the last ${measured.length}`);
  },
};

// The connection: it comes back by itself, never together with a thousand others

const endings = {
  1001: 'The server has stopped', 1006: 'The connection was cut', 1008: 'That was too much at once',
  1012: 'The server restarts', 1013: 'The server has too much to do',
};

/// Signs in, as a demonstration does it: with a name alone. It happens before every attempt, because the
/// cookie may have run out and another tab may have put another name into it.
async function sign_in(name) {
  try {
    const body = new URLSearchParams({ name });
    const answer = await fetch('/login', { method: 'POST', body, signal: AbortSignal.timeout(answer_within) });
    const seconds = Number(answer.headers.get('Retry-After') ?? 0) || 0;
    return { status: answer.status, words: (await answer.text()).trim() || `It answered with ${answer.status}`,
             pause: seconds * 1000 };
  } catch {
    return { status: 0, words: 'The server does not answer', pause: 0 };
  }
}

const is_refusal = (status) => status >= 400 && status < 500 && status !== 429;

const line = {
  ws: null,
  joined: false,
  attempts: 0,
  opened: Infinity,  // when the connection was there
  timer: 0,
  turn: 0,           // counts attempts, so that a late answer to an earlier one is known as such

  state(name, words) {
    element('state').textContent = words;
    element('state').dataset.state = name;
    element('try-now').hidden = name !== 'waiting';
  },

  async attempt() {
    clearTimeout(line.timer);
    const turn = ++line.turn;
    line.state('connecting', 'Connecting');
    const { status, words, pause } = await sign_in(talk.name);
    if (turn !== line.turn) return;
    if (is_refusal(status)) return leave(words);
    if (status !== 204) return line.wait(words, pause);
    line.open();
  },

  open() {
    line.opened = Infinity;
    const ws = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/chat`, 'sansocket.chat.1');
    line.ws = ws;
    line.timer = setTimeout(() => line.lost('There was no answer'), answer_within);
    ws.onopen = () => {
      line.opened = performance.now();
      line.send('join', 0, { room: talk.room, sender: talk.sender, after: talk.seen });
    };
    ws.onmessage = (event) => {
      pulse.heard = performance.now();
      receive(event.data);
    };
    ws.onclose = ({ code }) => {
      const words = line.opened === Infinity ? 'The server did not let us in' : endings[code] ?? `Closed with ${code}`;
      line.lost(words, code === 1012 || code === 1013 ? backoff.overload : 0);
    };
  },

  send(type, id, payload) {
    line.ws.send(JSON.stringify({ type, id, payload }));
  },

  /// Lets go of the connection at once, whatever becomes of it: a dead one takes long to close.
  drop(code) {
    clearTimeout(line.timer);
    ++line.turn;
    line.joined = false;
    outbox.hold();
    pulse.stop();
    if (line.ws) line.ws.onopen = line.ws.onmessage = line.ws.onclose = null;
    line.ws?.close(code);
    line.ws = null;
  },

  lost(words, least = 0) {
    line.drop();
    line.wait(words, least);
  },

  /// Full jitter: anything up to a bound that doubles; on top of what the server has asked for, more. Only a
  /// connection that lasted begins anew.
  wait(words, least) {
    if (performance.now() - line.opened >= backoff.stable) line.attempts = 0;
    line.opened = Infinity;
    const most = Math.min(backoff.cap, backoff.base * 2 ** line.attempts++);
    const pause = Math.min(least, backoff.longest) + Math.random() * (least > 0 ? Math.max(most, backoff.spread) : most);
    line.state('waiting', `${words}. Waiting ${(pause / 1000).toFixed(1)} s before the next try`);
    line.timer = setTimeout(line.attempt, pause);
  },
};

/// Sends what is not accepted, in order and each once a connection.
const outbox = {
  sent: 0,  // the last number sent on this connection
  timer: 0,

  hold() {
    clearTimeout(outbox.timer);
    outbox.timer = 0;
  },

  flush() {
    if (!line.joined || outbox.timer !== 0) return;
    for (const { seq, text } of talk.unaccepted) {
      if (seq <= outbox.sent) continue;
      line.send('say', seq, { text });
      outbox.sent = seq;
    }
  },

  /// The server could not take this one: it and all behind it go again, a little later.
  again_from(seq) {
    outbox.sent = Math.min(outbox.sent, seq - 1);
    outbox.timer ||= setTimeout(() => {
      outbox.timer = 0;
      outbox.flush();
    }, busy_pause);
  },
};

// What the server says

function receive(data) {
  const { type, id, payload } = JSON.parse(data);
  switch (type) {
    case 'joined': return on_joined(payload);
    case 'message': return on_message(payload);
    case 'accepted': return on_accepted(id);
    case 'presence': return show_people(payload.members);
    case 'notice': return show_together(payload.state);
    case 'pong': return pulse.pong(id);
    case 'error': return on_error(id, payload);
    default:  // of a later server: not for this page
  }
}

function on_joined({ user, members, complete, last_seq, state }) {
  if (user !== talk.name) return line.lost('Another tab has signed in with another name meanwhile');
  clearTimeout(line.timer);
  line.joined = true;
  if (!complete && talk.seen !== null) messages.note('Something may be missing here');
  talk.seen ??= '0-0';  // from here on, everything counts as missed
  for (const { seq } of talk.unaccepted) if (seq <= last_seq) on_accepted(seq, false);
  talk.done((seq) => seq <= last_seq);
  show_people(members);
  show_together(state);
  pulse.start();
  outbox.sent = 0;
  outbox.flush();
}

function on_message(said) {
  if (said.at === null) {
    if (!messages.entries.has(messages.key(said.from, said.sender, said.seq)) || is_own_pending(said)) {
      messages.show(said, 'provisional', 'not stored yet');
    }
  } else if (talk.see(said.at)) {
    messages.show(said, 'stored');
  }
}

function is_own_pending({ from, sender, seq }) {
  return from === talk.name && sender === talk.sender && messages.state_of(seq) === 'pending';
}

/// It is safe. Its place in the list comes with the message itself.
function on_accepted(seq, keep = true) {
  const state = messages.state_of(seq);
  if (state === 'pending' || state === 'provisional') show_own(seq, 'accepted');
  if (keep) talk.done((other) => other === seq);
}

function show_own(seq, state, remark) {
  const { text } = talk.unaccepted.find((said) => said.seq === seq) ?? { text: '' };
  messages.show({ from: talk.name, sender: talk.sender, seq, text }, state, remark);
}

function on_error(id, { code, detail }) {
  const about = talk.unaccepted.some(({ seq }) => seq === id);
  if (about && code === 'busy') {
    show_own(id, 'pending', 'the server is busy');
    outbox.again_from(id);
  } else if (about) {
    show_own(id, 'refused', `not sent: ${detail}`);
    talk.done((seq) => seq === id);
  } else if (id === 0 && !line.joined) {
    leave(`This room cannot be entered: ${detail}`);
  } else {
    show_words('problem', `The server says: ${detail}`);
  }
}

function show_people(names) {
  const entries = names.map((name) => made('li', '', name === talk.name ? `${name} (you)` : name));
  element('people').replaceChildren(...entries);
  element('people-count').textContent = String(names.length);
}

function show_together(state) {
  if (state === 'alone') line.state('alone', 'Open, but this server is alone: messages are stored later');
  else line.state('open', 'Open');
}

// The controls

let talk = null;

async function enter(name, room) {
  talk = new conversation(name, room);
  if (!(await holds_alone(talk.sender))) {
    talk.renew();
    await holds_alone(talk.sender);
  }
  talk.keep();
  tab.keep('chat', { name, room });
  messages.clear();
  for (const { seq } of talk.unaccepted) show_own(seq, 'pending', 'sending');
  element('messages-title').textContent = `Room ${room}`;
  document.title = `${room}: sansocket chat`;
  show_sign_in(false);
  show_people([]);
  element('text').focus();
  line.attempts = 0;
  line.attempt();
}

function show_sign_in(wanted) {
  element('sign-in').hidden = !wanted;
  element('talk').hidden = wanted;
  element('leave').hidden = wanted;
}

function leave(words) {
  const waiting = talk.unaccepted.length;
  line.drop(1000);
  tab.forget('chat');
  line.state('none', 'Not connected');
  show_sign_in(true);
  show_words('problem', words || (waiting ? `Not stored yet: ${waiting}. They go when you enter this room again.` : ''));
  element('name').focus();
}

function on_submit(form, action) {
  element(form).addEventListener('submit', (event) => {
    event.preventDefault();
    show_words('problem', '');
    action();
  });
}

on_submit('sign-in-form', async () => {
  const [name, room] = [element('name').value.trim(), element('room').value.trim()];
  element('enter').disabled = true;
  const { status, words } = await sign_in(name);
  if (status === 204) await enter(name, room);
  else show_words('problem', words);
  element('enter').disabled = false;
});

on_submit('say-form', () => {
  const text = element('text').value.toWellFormed();
  const size = new TextEncoder().encode(text).length;
  let problem = '';
  if (size > most_bytes) problem = `A message has at most ${most_bytes} bytes; this one has ${size}.`;
  else if (talk.unaccepted.length >= most_unaccepted) problem = 'Too many messages are waiting to be stored.';
  show_words('text-problem', problem);
  if (problem !== '' || text.trim() === '') return;
  show_own(talk.say(text), 'pending', 'sending');
  element('text').value = '';
  element('messages').scrollTop = element('messages').scrollHeight;
  outbox.flush();
});

element('text').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  element('say-form').requestSubmit();
});
element('leave').addEventListener('click', () => leave(''));
element('try-now').addEventListener('click', () => {
  element('text').focus();  // the button is about to go
  line.attempt();
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && line.joined) pulse.beat();
});

element('messages').dataset.empty = 'Nothing has been said here yet.';
const last_time = tab.recall('chat');
element('name').value = last_time?.name ?? '';
element('room').value = last_time?.room ?? 'lobby';
if (last_time) enter(last_time.name, last_time.room);
