// A chat over a WebSocket that may break at any time. What is said is kept until the server has accepted
// it, and sent again in order until then; what was missed is asked for by the place of the last message
// seen. Here are the page's controls.
import { scroll_to_end } from './messages.js';
import { enter, last_time, leave, look, say, try_now, why_not } from './session.js';
import { sign_in } from './sign_in.js';
import { element, show_words } from './view.js';

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
  const problem = why_not(text);
  show_words('text-problem', problem);
  if (problem !== '' || text.trim() === '') return;
  element('text').value = '';
  say(text);
  scroll_to_end();
});

element('text').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  element('say-form').requestSubmit();
});
element('leave').addEventListener('click', () => leave());
element('try-now').addEventListener('click', () => {
  element('text').focus();  // the button is about to go
  try_now();
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) look();
});

element('messages').dataset.empty = 'Nothing has been said here yet.';
const here = last_time();
element('name').value = here?.name ?? '';
element('room').value = here?.room ?? 'lobby';
if (here) enter(here.name, here.room);
