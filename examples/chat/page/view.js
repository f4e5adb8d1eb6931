// What the page shows, but for the messages and the plot. Texts from elsewhere reach the page as text alone,
// never as markup.

export const element = (name) => document.getElementById(name);

export function made(tag, class_name, words = '') {
  const node = document.createElement(tag);
  node.className = class_name;
  node.textContent = words;
  return node;
}

export function show_words(name, words) {
  element(name).textContent = words;
  element(name).hidden = words === '';
}

export function show_state(name, words) {
  element('state').textContent = words;
  element('state').dataset.state = name;
  element('try-now').hidden = name !== 'waiting';
}

export function show_people(names, own) {
  const entries = names.map((name) => made('li', '', name === own ? `${name} (you)` : name));
  element('people').replaceChildren(...entries);
  element('people-count').textContent = String(names.length);
}

export function show_sign_in() {
  swap('sign-in', 'talk');
  element('leave').hidden = true;
  element('name').focus();
}

export function show_room(room) {
  element('messages-title').textContent = `Room ${room}`;
  document.title = `${room}: sansocket chat`;
  swap('talk', 'sign-in');
  element('leave').hidden = false;
  element('text').focus();
}

function swap(shown, hidden) {
  element(shown).hidden = false;
  element(hidden).hidden = true;
}
