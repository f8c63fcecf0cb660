/**
 * Below the verdict: the model's hint of type and phase, for readers who switched it on. Off for everybody at first; what
 * it says changes no mark, no order and no count. Nothing is shown of it where the analysis has none.
 */

import { el } from "../lib/dom.js";
import { probability } from "../lib/format.js";
import { choice, choose } from "../lib/storage.js";

/** @typedef {import("./types.js").Item} Item */
/** @typedef {import("./types.js").SubtypeHint} SubtypeHint */

export const HINTS_HELP = "A research hint. It never changes the model's call, the probability or the count";
const PHASES = /** @type {Record<string, string>} */ ({ anaphase_telophase: "anaphase or telophase" });

/** The name of the choice to see hints. @param {number|string} me it is this reader's own, also where several read in one browser */
export const hintsChoice = (me) => `hint-subtype.${me}`;
/** @param {Record<string, number>} classes @returns {[string, number]} the likeliest, and its probability */
export const likeliest = (classes) => Object.entries(classes).reduce((best, next) => (next[1] > best[1] ? next : best));
/** @param {string} name of a type or phase */
export const hintWord = (name) => PHASES[name] ?? name;

export class HintLine {
  /**
   * @param {import("./gradcam.js").Explanations} explanations
   * @param {number|string} me
   */
  constructor(explanations, me) {
    this.explanations = explanations;
    this.name = hintsChoice(me);
    /** @type {Item|null} */
    this.item = null;
    /** Whether this analysis has hints at all: known from the first one on. */
    this.any = false;
    this.box = /** @type {HTMLInputElement} */ (
      el("input", {
        type: "checkbox",
        id: "hint-subtype",
        "data-tip": HINTS_HELP,
        "aria-describedby": "hint-subtype-help",
        onchange: () => this.#switch(),
      })
    );
    this.box.checked = choice(this.name, "off") === "on";
    this.words = el("p", { class: "words" });
    this.measured = el("p", { class: "measured" });
    this.element = el(
      "div",
      { class: "type-hint", hidden: true },
      el("label", { class: "row", for: "hint-subtype", "data-tip": HINTS_HELP }, this.box, "Hints: mitosis type"),
      el("span", { class: "visually-hidden", id: "hint-subtype-help", text: HINTS_HELP }),
      el("div", { "aria-live": "polite" }, this.words, this.measured),
    );
    explanations.addEventListener("answered", () => this.#draw());
  }

  #switch() {
    choose(this.name, this.box.checked ? "on" : "off");
    this.#draw();
  }

  /** @param {Item} item */
  show(item) {
    this.item = item;
    this.#draw();
  }

  #draw() {
    const { item } = this;
    const hint = item?.kind === "detection" ? (this.explanations.cached(Number(item.id))?.subtype_hint ?? null) : null;
    this.any ||= hint !== null;
    this.element.hidden = !this.any;
    const on = this.box.checked;
    this.words.hidden = this.measured.hidden = !on;
    if (!on || !item) return;
    this.words.textContent = hint ? wordsOf(hint, item.mitosis) : "No hint for this one.";
    this.measured.textContent = hint ? measuredOf(hint) : "\u00a0";
  }
}

/** @param {SubtypeHint} hint @param {boolean} called */
function wordsOf({ subtype, phase }, called) {
  const said = [subtype, phase].map((classes) => {
    const [name, value] = likeliest(classes);
    return `${hintWord(name)} ${probability(value)}`;
  });
  return `Model's hint${called ? "" : ", if a mitosis"}: ${said.join(" · ")}`;
}

/** @param {SubtypeHint} hint */
const measuredOf = ({ balanced_accuracy: { subtype, phase } }) =>
  `balanced accuracy ${subtype.toFixed(2)} and ${phase.toFixed(2)} in cross-validation`;
