// Places in a room's log: "ms-n", which order as a pair of numbers.

const numbers_of = (place) => place.split('-').map(Number);

export function is_behind(place, other) {
  const [ms, n] = numbers_of(place);
  const [other_ms, other_n] = numbers_of(other);
  return ms > other_ms || (ms === other_ms && n > other_n);
}

/// A place before this one, near enough: what is behind it begins with this one or little before it.
export function place_before(place) {
  const [ms, n] = numbers_of(place);
  return n > 0 ? `${ms}-${n - 1}` : `${Math.max(ms - 1, 0)}-0`;
}
