/** The one motif, fine ticks on a line, for probability; `count_ruler.js` has it for the count. */

import { svg } from "../lib/dom.js";

/**
 * Probability from 0 to 1 with the threshold and a dot.
 * @param {SVGElement} host @param {number|null} value @param {number} cut @param {boolean} ticks
 */
export function drawProbability(host, value, cut, ticks) {
  const at = (/** @type {number} */ p) => `${(100 * p).toFixed(1)}%`;
  const parts = [svg("line", { class: "ruler-line", x1: 0, x2: "100%", y1: 9.5, y2: 9.5 })];
  for (let i = 0; ticks && i <= 10; i += 1) {
    parts.push(svg("line", { class: "ruler-line", x1: at(i / 10), x2: at(i / 10), y1: i % 5 ? 7 : 4, y2: 10 }));
  }
  parts.push(svg("line", { class: "ruler-cut", x1: at(cut), x2: at(cut), y1: 0, y2: 14 }));
  if (value !== null) parts.push(svg("circle", { class: "ruler-dot", cx: at(value), cy: 9.5, r: 3.6 }));
  host.replaceChildren(...parts);
}

/**
 * How many there are of each probability, with lines where thresholds lie.
 * @param {SVGElement} host its viewBox is width x height
 * @param {Iterable<number|null>} values
 * @param {{width: number, height: number, bins: number, isLit: (p: number) => boolean, lines: {at: number, css: string}[]}} how
 */
export function drawHistogram(host, values, { width, height, bins, isLit, lines }) {
  const counts = new Array(bins).fill(0);
  for (const value of values) if (value !== null) counts[Math.min(bins - 1, Math.floor(value * bins))] += 1;
  // A square root keeps the few probable ones visible beside the many improbable.
  const most = Math.sqrt(Math.max(1, ...counts));
  const step = width / bins;
  const bars = counts.map((count, index) => {
    const tall = count ? Math.max(1.5, (Math.sqrt(count) / most) * (height - 2)) : 0;
    const fill = isLit((index + 0.5) / bins) ? "var(--mark-open)" : "#6b6d72";
    return svg("rect", { x: index * step + 0.4, y: height - tall, width: step - 0.8, height: tall, fill });
  });
  const drawn = lines.map(({ at, css }) => svg("line", { class: css, x1: at * width, x2: at * width, y1: 0, y2: height }));
  host.replaceChildren(...bars, ...drawn);
}
