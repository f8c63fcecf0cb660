/** The one motif: fine ticks on a line, for probability and for the count. */

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

/**
 * The count: dot = confirmed, line = 95 % interval, blue bar = up to all open ones.
 * @param {SVGElement} host
 * @param {{dot: number, upTo: number, low: number|null, high: number|null}} count in figures
 */
export function drawCount(host, { dot, upTo, low, high }) {
  const top = niceTop(Math.max(upTo, high ?? 0, 10));
  const at = (/** @type {number} */ n) => `${(2 + (96 * Math.min(n, top)) / top).toFixed(2)}%`;
  const step = top / (top % 6 === 0 ? 6 : 5);
  const parts = [];
  const fine = top <= 60 ? 1 : step / 5;
  for (let n = 0; n <= top + 1e-6; n += fine) {
    const major = Math.abs(n / step - Math.round(n / step)) < 1e-6;
    parts.push(svg("line", { class: "tick", x1: at(n), x2: at(n), y1: major ? 22 : 26, y2: 32 }));
    if (major) parts.push(svg("text", { x: at(n), y: 46 }, String(Math.round(n))));
  }
  parts.push(svg("line", { class: "tick", x1: at(0), x2: at(top), y1: 32, y2: 32 }));
  if (upTo > dot) {
    const width = `${((96 * (upTo - dot)) / top).toFixed(2)}%`;
    parts.push(svg("rect", { class: "up-to", x: at(dot), y: 27, width, height: 5 }));
  }
  if (low !== null && high !== null) {
    parts.push(svg("line", { class: "whisker", x1: at(low), x2: at(high), y1: 14, y2: 14 }));
    for (const end of [low, high]) parts.push(svg("line", { class: "whisker", x1: at(end), x2: at(end), y1: 11, y2: 17 }));
  }
  parts.push(
    svg("line", { class: "whisker", x1: at(dot), x2: at(dot), y1: 14, y2: 32 }),
    svg("circle", { class: "dot", cx: at(dot), cy: 14, r: 4.2 }),
  );
  host.replaceChildren(...parts);
}

/** The end of the scale: 30, 60, 100, 150, … @param {number} most */
function niceTop(most) {
  const steps = [30, 60, 100, 150, 200, 300, 500, 1000, 2000, 5000];
  return steps.find((top) => top >= most) ?? Math.ceil(most / 5000) * 5000;
}
