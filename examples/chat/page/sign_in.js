// Signing in, as a demonstration does it: with a name alone.

export const answer_within = 10_000;  // ms, for whatever the server is asked

/// It happens before every attempt to connect, because the cookie may have run out and another tab may have
/// put another name into it.
/// Gives: the status, 0 if there is no answer; what is wrong, in words; how long to wait at least, in ms.
export async function sign_in(name) {
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
