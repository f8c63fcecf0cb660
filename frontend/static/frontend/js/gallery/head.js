/** Above the crops: how many of how many, how the analysis stands, size, Grad-CAM, order. */

import { el, icon, one } from "../lib/dom.js";
import { plural, whole } from "../lib/format.js";
import { SORTS } from "./sorts.js";

/**
 * @typedef {import("./filter.js").Filter} Filter
 * @typedef {{shown: number, all: import("./facts.js").Facts[], analysis: import("../review/types.js").Analysis|null, isLost: boolean, caughtUp: boolean}} State
 */

/** @type {[import("./filter.js").Size, string][]} */
const SIZES = [
  ["s", "Small"],
  ["m", "Medium"],
  ["l", "Large"],
];

export class Head {
  /** @param {HTMLElement} host @param {{changed: (filter: Filter) => void, explain: () => void}} handlers */
  constructor(host, { changed, explain }) {
    /** @type {Filter|null} */
    this.filter = null;
    this.shown = el("b");
    this.of = el("span", { class: "second" });
    this.state = el("span", { class: "chip", hidden: true });
    this.sizes = SIZES.map(([size, word]) =>
      el("button", {
        type: "button",
        "aria-label": `${word} tiles`,
        "data-tip": word,
        text: size.toUpperCase(),
        onclick: () => this.filter && changed({ ...this.filter, size }),
      }),
    );
    this.explained = el(
      "button",
      {
        type: "button",
        class: "btn ghost small",
        "aria-pressed": "false",
        "data-tip": "Over the crops. Scaled per picture: not comparable",
        onclick: explain,
      },
      "Grad-CAM",
      el("kbd", { text: "g" }),
    );
    this.sort = /** @type {HTMLSelectElement} */ (
      el(
        "select",
        { class: "small", "aria-label": "Order", onchange: () => this.#sorted(changed) },
        ...SORTS.map(([value, text]) => el("option", { value, text })),
      )
    );
    host.replaceChildren(
      el("p", { class: "g-count", role: "status" }, this.shown, " ", this.of),
      this.state,
      el("div", { class: "segmented push", role: "group", "aria-label": "Size of the tiles" }, ...this.sizes),
      this.explained,
      this.sort,
    );
  }

  /** @param {(filter: Filter) => void} changed */
  #sorted(changed) {
    if (this.filter) changed({ ...this.filter, sort: /** @type {import("./sorts.js").Sort} */ (this.sort.value) });
    this.sort.blur();
  }

  /** @param {boolean} on */
  showExplained(on) {
    this.explained.setAttribute("aria-pressed", String(on));
  }

  /** Whether crops can be put in the order of their hints. @param {boolean} on */
  offerHints(on) {
    one("option[value=subtype]", this.sort).hidden = !on;
  }

  /** @param {Filter} filter @param {State} state */
  update(filter, { shown, all, analysis, isLost, caughtUp }) {
    this.filter = filter;
    const figures = all.filter(({ item }) => item.kind === "figure").length;
    const of = [`of ${plural(all.length - figures, "detection")}`, figures && `${plural(figures, "figure")} added by hand`];
    const words = of.filter(Boolean).join(" and ");
    if (this.shown.textContent !== whole(shown)) this.shown.textContent = whole(shown);
    if (this.of.textContent !== words) this.of.textContent = words;
    for (const [at, [size]] of SIZES.entries()) this.sizes[at].setAttribute("aria-pressed", String(size === filter.size));
    this.sort.value = filter.sort;
    this.#showState(analysis, isLost, caughtUp);
  }

  /** @param {import("../review/types.js").Analysis|null} analysis @param {boolean} isLost @param {boolean} caughtUp */
  #showState(analysis, isLost, caughtUp) {
    const isRunning = ["queued", "running"].includes(analysis?.state ?? "");
    /** @type {[string, string, string]|null} css, icon, words */
    const said = isLost
      ? ["warn", "wifi-off", "No answer, trying again"]
      : !caughtUp
        ? ["", "loader", "Loading"]
        : analysis?.state === "queued"
          ? ["accent", "clock", "Waiting for its turn"]
          : isRunning && analysis
            ? ["accent", "loader", `Running, ${whole(analysis.done)} of ${plural(analysis.total, "tile")}`]
            : analysis?.state === "failed" || analysis?.state === "cancelled"
              ? [
                  "warn",
                  "triangle-alert",
                  analysis.state === "failed" ? "The analysis failed: some are missing" : "Cancelled: some are missing",
                ]
              : null;
    this.state.hidden = said === null;
    if (!said) return;
    const [css, name, words] = said;
    if (this.state.textContent === words) return;
    this.state.className = `chip ${css}`;
    this.state.replaceChildren(icon(name), words);
    one("#live").textContent = isRunning ? "" : words;
  }
}
