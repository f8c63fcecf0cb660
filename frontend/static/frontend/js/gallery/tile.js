/** One crop with its caption: shape, probability, number. Built once for an item and kept while its row exists. */

import { el, icon, mark } from "../lib/dom.js";
import { probability } from "../lib/format.js";
import { markOf, shortPhase, wordsOf } from "../review/labels.js";

/**
 * @typedef {import("./facts.js").Facts} Facts
 * @typedef {{column: number, isChosen: boolean|null, isCurrent: boolean, others: string[]}} Standing `isChosen` null: there is nothing to choose for
 */

const WORDS = /** @type {Record<string, string>} */ ({ open: "open", below: "below the threshold" });

/** @param {string} key of an item */
export const tileId = (key) => `tile-${key}`;

/** The shapes of a caption: what was said, and beside it what others said otherwise. @param {Facts} facts @param {string[]} others */
function marksOf({ item, verdict, readers }, others) {
  const labels = new Set(readers.includes("differ") ? [...verdict, ...others] : verdict);
  return [...labels].map((label) => {
    if (label in WORDS) return label;
    return label === "mitosis" && item.kind === "figure" ? "added" : markOf(label);
  });
}

/** What the shapes say, in words, each answer once. @param {Facts} facts */
function describe({ said, verdict, readers }) {
  const answers = said.length ? said.map(wordsOf) : verdict.map((label) => WORDS[label]);
  return [
    [...new Set(answers)].join(" and "),
    readers.includes("differ") && "readers differ",
    readers.includes("model") && "differs from the model",
  ]
    .filter(Boolean)
    .join(", ");
}

export class Tile {
  /** @param {() => void} tryAgain */
  constructor(tryAgain) {
    this.canvas = /** @type {HTMLCanvasElement} */ (el("canvas", { width: 1, height: 1 }));
    this.failed = el(
      "button",
      {
        type: "button",
        class: "t-failed",
        tabindex: -1,
        hidden: true,
        onclick: (/** @type {Event} */ event) => this.#retry(event, tryAgain),
      },
      icon("refresh-cw"),
      "Try again",
    );
    this.said = el("span", { class: "t-said" });
    this.number = el("span", { class: "t-number" });
    this.element = el(
      "div",
      { role: "gridcell", class: "tile" },
      el(
        "div",
        { class: "t-crop" },
        this.canvas,
        this.failed,
        el("span", { class: "t-check", "aria-hidden": "true" }, icon("check")),
      ),
      el("div", { class: "t-caption" }, this.said, this.number),
    );
    this.shown = "";
    /** @type {unknown} */
    this.painted = null;
  }

  /** @param {Event} event @param {() => void} tryAgain */
  #retry(event, tryAgain) {
    event.stopPropagation();
    tryAgain();
  }

  /** @param {Facts} facts @param {Standing} standing */
  update(facts, { column, isChosen, isCurrent, others }) {
    const { item } = facts;
    this.element.id = tileId(item.key);
    this.element.dataset.item = item.key;
    this.element.setAttribute("aria-colindex", String(column + 1));
    if (isChosen !== null) this.element.setAttribute("aria-selected", String(isChosen));
    this.element.classList.toggle("current", isCurrent);
    const words = describe(facts);
    const phases = [...new Set(facts.said.map(shortPhase))].filter(Boolean).join(" ");
    const marks = marksOf(facts, others);
    const shown = `${words} ${marks}`;
    if (shown === this.shown) return;
    this.shown = shown;
    this.said.replaceChildren(
      ...marks.map((name) => mark(name)),
      el("b", { text: item.probability === null ? "by hand" : probability(item.probability) }),
      facts.readers.includes("differ") ? icon("git-compare", "warn") : "",
      phases && el("span", { class: "t-phase", "aria-hidden": "true", title: words, text: phases }),
      el("span", { class: "visually-hidden", text: `${words}, number` }),
    );
    this.number.textContent = item.name;
  }

  /** @param {CanvasImageSource & {width: number, height: number}} picture */
  paint(picture) {
    if (this.painted === picture) return;
    this.painted = picture;
    this.canvas.width = picture.width;
    this.canvas.height = picture.height;
    this.canvas.getContext("2d")?.drawImage(picture, 0, 0);
    this.element.classList.add("painted");
  }

  /** @param {boolean} hasFailed */
  showFailed(hasFailed) {
    this.failed.hidden = !hasFailed;
  }
}
