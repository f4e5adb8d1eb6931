// Two connections: /ws, which this page plays with, and /wire, on which the server says what it sees
// of /ws. The id joins the two.

const id = crypto.randomUUID();
const most_entries = 300;   // of a log
const most_shown = 2000;    // characters of a text message

const element = (name) => document.getElementById(name);
const url_of = (path) => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}?id=${id}`;

let ws = null;
let wire = null;
let unanswered = [];  // binary messages whose echo is still to come

// The state, in words

function show_state() {
  const states = { 0: 'Connecting', 1: 'Open', 2: 'Closing', 3: 'Closed' };
  const words = ws ? states[ws.readyState] : 'Not connected';
  element('state').textContent = words;
  element('state').dataset.state = ws ? words.toLowerCase() : 'none';
  element('connect').disabled = Boolean(ws) && ws.readyState !== WebSocket.CLOSED;
  for (const button of document.querySelectorAll('.needs-open')) button.disabled = ws?.readyState !== WebSocket.OPEN;
}

function show_problem(words) {
  element('problem').textContent = words;
  element('problem').hidden = words === '';
}

// The logs

function count_of(number, unit) {
  return `${number.toLocaleString('en')} ${unit}${number === 1 ? '' : 's'}`;
}

function span(class_name, words) {
  const made = document.createElement('span');
  made.className = class_name;
  made.textContent = words;
  return made;
}

/// Adds an entry at the end, which stays in sight unless the reader has scrolled away from it.
function add_entry(log, direction, head, content) {
  const at_end = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
  const entry = document.createElement('li');
  entry.className = direction;
  entry.append(head, content);
  log.append(entry);
  while (log.childElementCount > most_entries) log.firstElementChild.remove();
  if (at_end) log.scrollTop = log.scrollHeight;
  return entry;
}

function show_message(direction, type, size, content, remark = '') {
  const way = { out: 'sent', in: 'received', note: 'note' }[direction];
  const head = span('way', way);
  if (type) head.append(span('kind', `${type}, ${count_of(size, 'byte')}${remark}`));
  const entry = add_entry(element('messages'), direction, head, content);
  Object.assign(entry.dataset, { direction, type, size });
  return entry;
}

function show_text(direction, text) {
  const size = new TextEncoder().encode(text).length;
  const cut = text.length > most_shown;
  const content = text === '' ? span('content absent', 'empty')
                              : span('content', cut ? text.slice(0, most_shown) + '…' : text);
  return show_message(direction, 'text', size, content);
}

function show_binary(direction, data, remark) {
  const digits = Array.from(data.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const content = data.length === 0 ? span('content absent', 'empty')
                                    : span('content bytes', digits + (data.length > 16 ? ' …' : ''));
  return show_message(direction, 'binary', data.length, content, remark);
}

function show_echo(data) {
  const sent = unanswered.shift();
  const same = sent !== undefined && sent.length === data.length && sent.every((byte, i) => byte === data[i]);
  show_binary('in', data, same ? ', as sent' : ', not as sent').dataset.echo = same ? 'same' : 'different';
}

/// A line from the server: "in " or "out " as it sees it, then words.
function show_frame(line) {
  const space = line.indexOf(' ');
  const to_server = line.slice(0, space) === 'in';
  const entry = add_entry(element('wire'), to_server ? 'out' : 'in', span('way', to_server ? 'to server' : 'to page'),
                          span('content', line.slice(space + 1)));
  entry.dataset.direction = to_server ? 'out' : 'in';
}

// The connections

/// Watches first, so that nothing of /ws is missed.
function connect() {
  show_problem('');
  element('result').hidden = true;
  if (wire?.readyState === WebSocket.OPEN) return open();
  const words = element('wire-state');
  words.textContent = 'connecting';
  wire = new WebSocket(url_of('/wire'));
  wire.onmessage = (event) => show_frame(event.data);
  wire.onopen = () => {
    words.textContent = 'watching';
    open();
  };
  wire.onclose = () => {
    const opened = words.textContent === 'watching';
    words.textContent = 'not watching';
    if (!opened) show_problem('The server does not answer.');
    show_state();
  };
  element('connect').disabled = true;
}

function open() {
  unanswered = [];
  ws = new WebSocket(url_of('/ws'));
  ws.binaryType = 'arraybuffer';
  ws.onopen = show_state;
  ws.onmessage = (event) => {
    if (typeof event.data === 'string') show_text('in', event.data);
    else show_echo(new Uint8Array(event.data));
  };
  ws.onclose = (event) => {
    element('result-code').textContent = event.code;
    element('result-reason').textContent = event.reason === '' ? 'none' : event.reason;
    element('result-reason').classList.toggle('absent', event.reason === '');
    element('result-clean').textContent = event.wasClean ? 'yes' : 'no';
    element('result').hidden = false;
    const end = `closed with ${event.code}${event.reason && ` “${event.reason}”`}${event.wasClean ? '' : ', not cleanly'}`;
    show_message('note', '', 0, span('content absent', end));
    show_state();
  };
  show_state();
}

// The controls

function send_text(text) {
  ws.send(text);
  show_text('out', text);
}

function send_binary(data) {
  ws.send(data);
  unanswered.push(data);
  show_binary('out', data, '');
}

function random_bytes(size) {
  const data = new Uint8Array(size);
  const most_at_once = 65536;  // what getRandomValues gives
  for (let at = 0; at < size; at += most_at_once) crypto.getRandomValues(data.subarray(at, at + most_at_once));
  return data;
}

/// A form that does something instead of going somewhere.
function on_submit(form, action) {
  element(form).addEventListener('submit', async (event) => {
    event.preventDefault();
    show_problem('');
    try {
      if (ws?.readyState === WebSocket.OPEN) await action();
    } catch (problem) {
      show_problem(problem.message);
    }
  });
}

on_submit('text-form', () => {
  send_text(element('text').value);
  element('text').value = '';
});
on_submit('binary-form', () => send_binary(random_bytes(element('binary-size').valueAsNumber)));
on_submit('file-form', async () => send_binary(new Uint8Array(await element('file').files[0].arrayBuffer())));
on_submit('close-form', () => {
  const code = element('close-code').value;
  if (code === '') ws.close();
  else ws.close(Number(code), element('close-reason').value);
  show_state();
});

element('connect').addEventListener('click', connect);
element('text').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  element('text-form').requestSubmit();
});
for (const button of document.querySelectorAll('[data-command]')) {
  button.addEventListener('click', () => {
    element('text').value = button.dataset.command;
    element('text').focus();
  });
}
element('clear').addEventListener('click', () => {
  element('messages').replaceChildren();
  element('wire').replaceChildren();
});

element('messages').dataset.empty = 'What is sent and received appears here.';
element('wire').dataset.empty = 'Every frame, as the server sees it, appears here.';
show_state();
