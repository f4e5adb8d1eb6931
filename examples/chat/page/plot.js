// The plot of the round trips.
import { element } from './view.js';

const words_of = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;

/// The next 1, 2 or 5 with zeros that is not below this.
function round_up(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  return power * [1, 2, 5, 10].find((step) => step * power >= most);
}

/// The line begins anew behind a gap. A time that stands alone is a dot.
function path_of(times, scale) {
  let pen = 'M';
  return times.map((time, i) => {
    if (time === null) return (pen = 'M', '');
    const point = `${pen}${2 * i + 1} ${(39.5 - 39 * time / scale).toFixed(2)}${pen === 'M' ? 'h0' : ''}`;
    pen = 'L';
    return point;
  }).join('');
}

/// Takes: times in ms, the last one measured just now; null is a gap.
export function draw_round_trips(times) {
  const measured = times.filter((time) => time !== null);
  const most = Math.max(...measured);
  const scale = round_up(most);
  const [now, range] = [words_of(measured.at(-1)), `${words_of(Math.min(...measured))} to ${words_of(most)}`];
  element('plot-line').setAttribute('d', path_of(times, scale));
  element('plot-now').textContent = now;
  element('plot-range').textContent = `${range}, top line ${scale} ms`;
  element('plot').setAttribute('aria-label', `Round trips: ${now} now, ${range} in the last ${measured.length}`);
}
