/** The side of the gallery: what can be asked for, each with how many there are of it. */

import { el, mark } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { HINTS_HELP, hintWord } from "../review/hint_line.js";
import { LABELS, REASONS } from "../review/labels.js";
import { REST } from "./facts.js";
import { isTicked, toggleBox } from "./filter.js";
import { ProbabilityRange } from "./probability_range.js";

/**
 * @typedef {import("./filter.js").Filter} Filter
 * @typedef {import("./filter.js").Group} Group
 * @typedef {{name: string, word: string, mark?: string}} Box
 * @typedef {{counts: Record<Group, Map<string, number>>, values: (number|null)[], threshold: number, places: import("./facts.js").Place[], hints: "none"|"off"|"on"}} State
 */

const VERDICTS = [
  { name: "open", word: "Open", mark: "open" },
  ...LABELS.map(({ label, word, mark: shape }) => ({ name: label, word, mark: shape })),
  { name: "below", word: "Below threshold", mark: "below" },
];
const READERS = [
  { name: "differ", word: "Readers differ" },
  { name: "model", word: "Differs from the model" },
  { name: "by_hand", word: "Added by hand" },
];
const capital = (/** @type {string} */ word) => word[0].toUpperCase() + word.slice(1);

export class Facets {
  /**
   * @param {HTMLElement} host
   * @param {boolean} judges
   * @param {{changed: (filter: Filter) => void, showHints: (on: boolean) => void}} handlers
   */
  constructor(host, judges, { changed, showHints }) {
    this.changed = changed;
    /** @type {Filter|null} */
    this.filter = null;
    this.range = new ProbabilityRange((from, to) => this.filter && changed({ ...this.filter, from, to }));
    this.hintBox = /** @type {HTMLInputElement} */ (
      el("input", { type: "checkbox", id: "g-hints", onchange: () => showHints(this.hintBox.checked) })
    );
    this.hintSwitch = el(
      "label",
      { class: "g-box", for: "g-hints", "data-tip": HINTS_HELP },
      this.hintBox,
      el("span", { text: "Hints: mitosis type" }),
    );
    /** @type {Map<Group, {element: HTMLElement, boxes: HTMLElement, drawn: string, names: string[]}>} */
    this.groups = new Map();
    host.replaceChildren(
      el("section", {}, el("h2", { text: "Probability" }), this.range.element),
      this.#group("verdict", judges ? "My verdict" : "Verdict"),
      this.#group("readers", "Readers"),
      this.#group("where", "Where"),
      this.#group("reason", "Reason"),
      this.hintSwitch,
      this.#group("subtype", "Hint: type"),
      this.#group("phase", "Hint: phase"),
    );
  }

  /** @param {Group} group @param {string} title */
  #group(group, title) {
    const boxes = el("div", {});
    const element = el("section", { role: "group", "aria-label": title }, el("h2", { text: title }), boxes);
    this.groups.set(group, { element, boxes, drawn: "", names: [] });
    return element;
  }

  /** @param {Filter} filter @param {State} state */
  update(filter, state) {
    this.filter = filter;
    this.range.update(filter, state.values, state.threshold);
    this.hintSwitch.hidden = state.hints === "none";
    this.hintBox.checked = state.hints === "on";
    const counted = (/** @type {Group} */ group) => [...new Set([...state.counts[group].keys(), ...(filter[group] ?? [])])];
    const hinted = (/** @type {"subtype"|"phase"} */ group) =>
      state.hints === "on"
        ? counted(group)
            .sort()
            .map((name) => ({ name, word: capital(hintWord(name)) }))
        : [];
    const reasons = new Set(counted("reason"));
    const places = state.places.map(({ id, name }) => ({ name: id, word: name }));
    this.#show("verdict", VERDICTS, state);
    this.#show("readers", READERS, state);
    this.#show("where", places.length ? [...places, { name: REST, word: "Rest of the slide" }] : [], state);
    this.#show(
      "reason",
      REASONS.filter(({ reason }) => reasons.has(reason)).map(({ reason, word }) => ({ name: reason, word })),
      state,
    );
    this.#show("subtype", hinted("subtype"), state);
    this.#show("phase", hinted("phase"), state);
  }

  /** Built anew only for other boxes, so that the focus stays. @param {Group} group @param {Box[]} boxes @param {State} state */
  #show(group, boxes, { counts }) {
    const shown = this.groups.get(group);
    if (!shown || !this.filter) return;
    shown.element.hidden = boxes.length === 0;
    shown.names = boxes.map(({ name }) => name);
    const drawn = JSON.stringify(boxes);
    if (drawn !== shown.drawn) {
      shown.drawn = drawn;
      shown.boxes.replaceChildren(...boxes.map((box) => this.#box(group, box)));
    }
    for (const [at, { name }] of boxes.entries()) {
      const row = shown.boxes.children[at];
      const box = /** @type {HTMLInputElement} */ (row.querySelector("input"));
      box.checked = isTicked(this.filter, group, name);
      /** @type {HTMLElement} */ (row.querySelector(".n")).textContent = whole(counts[group].get(name) ?? 0);
    }
  }

  /** @param {Group} group @param {Box} box */
  #box(group, { name, word, mark: shape }) {
    const id = `g-${group}-${name}`;
    const names = () => this.groups.get(group)?.names ?? [];
    const toggle = () => this.filter && this.changed(toggleBox(this.filter, group, name, names()));
    return el(
      "label",
      { class: "g-box", for: id },
      el("input", { type: "checkbox", id, onchange: toggle }),
      shape ? mark(shape) : null,
      el("span", { class: "ellipsis", text: word, title: word }),
      el("span", { class: "n" }),
    );
  }
}
