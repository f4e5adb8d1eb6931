// What is this tab's alone: what it keeps over a reload, and the senders under whose numbers it counts.

export function keep(slot, value) {
  try {
    sessionStorage.setItem(slot, JSON.stringify(value));
  } catch {
    // No room, or storage is forbidden: a reload forgets then, the page itself does not.
  }
}

export function recall(slot) {
  try {
    return JSON.parse(sessionStorage.getItem(slot));
  } catch {
    return null;
  }
}

export function forget(slot) {
  keep(slot, null);
}

const held = new Set();

/// A duplicated tab has a copy of what the first one keeps, but must not count on with the same numbers:
/// only one of them gets the lock. It is waited for, since a page that is being reloaded holds it a
/// little longer.
export function holds_alone(sender) {
  if (held.has(sender) || !navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks.request(`chat/${sender}`, { signal: AbortSignal.timeout(1000) }, () => {
      held.add(sender);
      resolve(true);
      return new Promise(() => {});  // as long as the page lives
    }).catch(() => resolve(false));
  });
}
