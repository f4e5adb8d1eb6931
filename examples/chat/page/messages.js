// The list of messages: those of the log in its order, behind them those that have no place in it yet.
import { element, made } from './view.js';

const most_entries = 500;

const list = element('messages');
const entries = new Map();   // by who said it as which number
const unplaced = new Set();  // in the order of the list
let talk = null;             // whose messages these are

const key_of = ({ from, sender, seq }) => JSON.stringify([from, sender, seq]);

/// Empties the list for another conversation.
export function begin_messages(conversation) {
  talk = conversation;
  list.replaceChildren();
  entries.clear();
  unplaced.clear();
}

/// Gives: the state in which this message is shown, if it is.
export function shown_state(said) {
  return entries.get(key_of(said))?.dataset.state;
}

/// Shows a message, or shows it anew: "stored" gives it its place for good.
export function show_message(said, state, remark = '') {
  const entry = entries.get(key_of(said)) ?? make(said);
  const time = new Date(said.time ?? Date.now());
  const [when, words] = entry.querySelectorAll('time, .remark');
  when.dateTime = time.toISOString();
  when.textContent = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  words.textContent = remark;
  Object.assign(entry.dataset, { from: said.from, seq: said.seq, state });
  put(entry, state === 'stored');
}

export function show_note(words) {
  put(made('li', 'note', words), true);
}

export function scroll_to_end() {
  list.scrollTop = list.scrollHeight;
}

function make(said) {
  const entry = made('li', talk.is_own(said) ? 'own' : 'other');
  const head = made('p', 'head');
  head.append(made('span', 'from', said.from), made('time', ''), made('span', 'remark'));
  entry.append(head, made('p', 'text', said.text));
  entry.key = key_of(said);
  entries.set(entry.key, entry);
  return entry;
}

/// The end stays in sight unless the reader has scrolled away from it.
function put(entry, placed) {
  const at_end = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
  const known = entry.parentNode === list;
  const first = unplaced.values().next().value ?? null;
  if (placed && (unplaced.delete(entry) || !known) && first !== entry) list.insertBefore(entry, first);
  if (!placed && !known) list.append(entry);
  if (!placed) unplaced.add(entry);
  while (list.childElementCount > most_entries) {
    const oldest = list.firstElementChild;
    entries.delete(oldest.key);
    unplaced.delete(oldest);
    oldest.remove();
  }
  if (at_end) scroll_to_end();
}
