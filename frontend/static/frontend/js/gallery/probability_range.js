/** From which probability to which: two sliders on the histogram of all that was scored, with the model's threshold. */

import { el, svg } from "../lib/dom.js";
import { drawHistogram } from "../review/rulers.js";

const WIDTH = 192;
const HEIGHT = 44;
const BINS = 24;
const STEP = 0.01;

export class ProbabilityRange {
  /** @param {(from: number, to: number) => void} changed */
  constructor(changed) {
    this.chart = /** @type {SVGElement} */ (
      svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" })
    );
    const slider = (/** @type {string} */ name) =>
      /** @type {HTMLInputElement} */ (
        el("input", { type: "range", min: 0, max: 1, step: STEP, "aria-label": name, oninput: () => this.#moved() })
      );
    this.low = slider("Probability from");
    this.high = slider("Probability to");
    this.fromText = el("span");
    this.cutText = el("span");
    this.toText = el("span");
    this.changed = changed;
    this.element = el(
      "div",
      { class: "g-range" },
      this.chart,
      el("div", { class: "g-sliders" }, this.low, this.high),
      el("div", { class: "g-ends" }, this.fromText, this.cutText, this.toText),
    );
    this.drawn = "";
  }

  #moved() {
    const [low, high] = [Number(this.low.value), Number(this.high.value)];
    this.changed(Math.min(low, high), Math.max(low, high));
  }

  /** @param {{from: number, to: number}} filter @param {(number|null)[]} values @param {number} threshold */
  update({ from, to }, values, threshold) {
    const isHeld = [this.low, this.high].includes(/** @type {HTMLInputElement} */ (document.activeElement));
    if (!isHeld) [this.low.value, this.high.value] = [String(from), String(to)];
    this.fromText.textContent = from.toFixed(2);
    this.cutText.textContent = `threshold ${threshold.toFixed(2)}`;
    this.toText.textContent = to.toFixed(2);
    const state = `${from} ${to} ${threshold} ${values.length}`;
    if (state === this.drawn) return;
    this.drawn = state;
    const isLit = (/** @type {number} */ p) => p >= from && p <= to && p >= threshold;
    drawHistogram(this.chart, values, {
      width: WIDTH,
      height: HEIGHT,
      bins: BINS,
      isLit,
      lines: [{ at: threshold, css: "histogram-model" }],
    });
  }
}
