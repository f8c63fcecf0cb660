/** The threshold on its histogram: this reader's own filter. It changes no call and no count, and says so. */

import { el, svg } from "../lib/dom.js";
import { drawHistogram } from "./rulers.js";

const BINS = 27;
const WIDTH = 108;
const HEIGHT = 24;
const STEP = 0.01;

export class ThresholdFilter {
  /**
   * @param {HTMLElement} host
   * @param {import("./store.js").ReviewStore} store
   * @param {HTMLElement} button where the value stands while the host is folded
   */
  constructor(host, store, button) {
    this.host = host;
    this.button = button;
    this.store = store;
    this.chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
    this.slider = /** @type {HTMLInputElement} */ (
      el("input", {
        type: "range",
        min: 0,
        max: 1,
        step: STEP,
        "aria-label": "Threshold, your own filter",
        oninput: () => this.set(Number(this.slider.value)),
      })
    );
    this.output = el("output");
    this.reset = el("button", { type: "button", hidden: true, onclick: () => this.set(null) });
    const label = el("span", { text: "Threshold", "data-tip": "Your own filter: changes no call and no count" });
    host.append(label, el("div", { class: "histogram" }, this.chart, this.slider), this.output, this.reset);
    this.drawn = "";
  }

  /** @param {number|null} value null: the model's */
  set(value) {
    const model = this.store.analysis?.threshold ?? 0.5;
    const own = value !== null && Math.abs(value - model) > STEP / 2 ? Math.min(1, Math.max(0, value)) : null;
    this.store.setThreshold(own);
  }

  /** `[` and `]` @param {1|-1} direction */
  nudge(direction) {
    const now = this.store.threshold ?? this.store.analysis?.threshold ?? 0.5;
    this.set(Math.round((now + direction * STEP) * 100) / 100);
  }

  update() {
    const { analysis, threshold, items } = this.store;
    this.host.hidden = !analysis || items.size === 0;
    if (!analysis) return;
    const now = threshold ?? analysis.threshold;
    if (document.activeElement !== this.slider) this.slider.value = String(now);
    this.output.textContent = now.toFixed(2);
    this.button.textContent = now.toFixed(2);
    this.reset.hidden = threshold === null;
    this.reset.textContent = `model ${analysis.threshold.toFixed(2)}`;
    this.reset.title = "Back to the model's threshold";
    const state = `${items.size} ${now} ${analysis.threshold}`;
    if (state === this.drawn) return;
    this.drawn = state;
    this.#draw(now, analysis.threshold);
  }

  /** @param {number} now @param {number} model */
  #draw(now, model) {
    const values = [...this.store.items.values()].map((item) => item.probability);
    const lines = [{ at: now, css: "histogram-now" }];
    if (now !== model) lines.push({ at: model, css: "histogram-model" });
    drawHistogram(this.chart, values, { width: WIDTH, height: HEIGHT, bins: BINS, isLit: (p) => p >= now, lines });
  }
}
