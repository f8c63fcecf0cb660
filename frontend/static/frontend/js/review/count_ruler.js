/** The count on a line from 0: dot = confirmed, whisker = 95 %, bar = up to all open, triangle = the most elsewhere, scores as boxes. */

import { svg } from "../lib/dom.js";
import { nameScore, sayCutoffs } from "./score.js";

/**
 * @typedef {import("./count.js").Cutoff} Cutoff
 * @typedef {{dot: number, upTo: number, low: number|null, high: number|null, elsewhere: number|null, cutoffs: Cutoff[], score: string|null, decided: boolean}} Shown
 *   all in figures; low, high: of the 95 % interval; elsewhere: the most that any other window can hold
 */

const LOW_TOPS = [10, 20]; // where scores part at few figures
const TOPS = [30, 60, 100, 150, 200, 300, 500, 1000, 2000, 5000];
const LETTER_PX = 6.4; // of an 11 px label
const NUMBERS_APART_PX = 6;
const SHARE = 0.96; // of the width that the scale takes
const BETWEEN = 0.5; // a cut-off lies between two whole counts

/** The end of the scale. @param {Shown} shown */
export function findTop({ dot, upTo, high, elsewhere, cutoffs }) {
  const last = cutoffs.length > 1 ? cutoffs[cutoffs.length - 1].from * 1.2 : 0; // so that the last score has room
  const most = Math.max(dot, upTo, high ?? 0, elsewhere ?? 0, last, 10);
  const tops = cutoffs.length > 1 ? [...LOW_TOPS, ...TOPS] : TOPS;
  return tops.find((top) => top >= most) ?? Math.ceil(most / 5000) * 5000;
}

/** Where each score begins and ends on the scale. @param {Cutoff[]} cutoffs @param {number} top */
export const boxesOf = (cutoffs, top) =>
  cutoffs.map(({ score, from }, at) => ({
    score,
    from: at ? from - BETWEEN : 0,
    to: at + 1 < cutoffs.length ? cutoffs[at + 1].from - BETWEEN : top,
  }));

/** The ruler in words. @param {Shown} shown */
export function sayRuler({ dot, upTo, low, high, elsewhere, cutoffs, score, decided }) {
  return [
    `${dot} confirmed, up to ${upTo} with all open ones`,
    low !== null && high !== null && `95 %: ${low.toFixed(1)} to ${high.toFixed(1)}`,
    elsewhere !== null && cutoffs.length > 1 && `at most ${elsewhere} elsewhere`,
    cutoffs.length > 1 && sayCutoffs(cutoffs),
    score !== null && `${nameScore(score)}${decided ? ", decided" : ""}`,
  ]
    .filter(Boolean)
    .join("; ");
}

/** @param {SVGElement} host @param {Shown} shown @param {number} width_px of the host, for the words in the boxes */
export function drawCount(host, shown, width_px) {
  const top = findTop(shown);
  const at = (/** @type {number} */ n) => `${(2 + (96 * Math.min(n, top)) / top).toFixed(2)}%`;
  const wide = (/** @type {number} */ n) => `${((96 * n) / top).toFixed(2)}%`;
  const { dot, upTo, low, high, elsewhere, cutoffs } = shown;
  const hasScores = cutoffs.length > 1;
  const parts = drawTicks(top, at, width_px);
  if (upTo > dot) parts.push(svg("rect", { class: "up-to", x: at(dot), y: 27, width: wide(upTo - dot), height: 5 }));
  if (low !== null && high !== null) {
    parts.push(svg("line", { class: "whisker", x1: at(low), x2: at(high), y1: 14, y2: 14 }));
    for (const end of [low, high]) parts.push(svg("line", { class: "whisker", x1: at(end), x2: at(end), y1: 11, y2: 17 }));
  }
  if (hasScores) {
    const shares = boxesOf(cutoffs, top).map((box) => ({ ...box, x: at(box.from), width: wide(box.to - box.from) }));
    for (const box of shares) parts.push(...drawBox(box, shown, ((box.to - box.from) / top) * SHARE * width_px, at));
    if (elsewhere !== null) parts.push(drawTriangle(at(elsewhere)));
  }
  parts.push(
    svg("line", { class: "whisker", x1: at(dot), x2: at(dot), y1: 14, y2: 32 }),
    svg("circle", { class: "dot", cx: at(dot), cy: 14, r: 4.2 }),
  );
  host.classList.toggle("scored", hasScores);
  host.replaceChildren(...parts);
}

/** How many steps of the scale lie between two that are written, so that no number touches the next. @param {number} top @param {number} step @param {number} width_px */
export function stepsPerNumber(top, step, width_px) {
  const number_px = String(top).length * LETTER_PX + NUMBERS_APART_PX;
  const steps = Math.round(top / step);
  const room_px = (SHARE * width_px) / steps;
  const fitting = [1, 2, 3, 5].filter((many) => steps % many === 0 && many * room_px >= number_px);
  return width_px ? (fitting[0] ?? steps) : 1;
}

/** @param {number} top @param {(n: number) => string} at @param {number} width_px */
function drawTicks(top, at, width_px) {
  const step = top / (top % 6 === 0 ? 6 : 5);
  const written = step * stepsPerNumber(top, step, width_px);
  const fine = top <= 60 ? 1 : step / 5;
  const parts = [];
  for (let n = 0; n <= top + 1e-6; n += fine) {
    const major = Math.abs(n / step - Math.round(n / step)) < 1e-6;
    parts.push(svg("line", { class: "tick", x1: at(n), x2: at(n), y1: major ? 22 : 26, y2: 32 }));
    if (Math.abs(n / written - Math.round(n / written)) < 1e-6) parts.push(svg("text", { x: at(n), y: 46 }, String(Math.round(n))));
  }
  parts.push(svg("line", { class: "tick", x1: at(0), x2: at(top), y1: 32, y2: 32 }));
  return parts;
}

/**
 * @param {{score: string, from: number, to: number, x: string, width: string}} box @param {Shown} shown @param {number} room_px
 * @param {(n: number) => string} at
 */
function drawBox({ score, from, to, x, width }, { score: now, decided }, room_px, at) {
  const state = score === now ? (decided ? "decided" : "now") : "";
  const parts = [
    svg("rect", { class: `score ${state}`, x, y: 52, width, height: 18 }, svg("title", {}, nameScore(score))),
    svg("text", { class: `score ${state}`, x: at((from + to) / 2), y: 65 }, fitName(score, room_px)),
  ];
  if (from > 0) parts.push(svg("line", { class: "cut-off", x1: x, x2: x, y1: 4, y2: 70 }));
  return parts;
}

/** As much of a score's name as a box has room for; the box tells the whole of it. @param {string} score @param {number} room_px */
export function fitName(score, room_px) {
  const letters = Math.floor((room_px - 6) / LETTER_PX);
  const whole = [nameScore(score), score].find((text) => text.length <= letters);
  return whole ?? (letters >= 4 ? `${score.slice(0, letters - 1).trimEnd()}…` : "");
}

/** Pointing down at the line. @param {string} x */
const drawTriangle = (x) =>
  svg("svg", { x, y: 18, width: 1, height: 8, overflow: "visible" }, svg("path", { class: "elsewhere", d: "M-4 0H4L0 6Z" }));
