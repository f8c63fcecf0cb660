/** The list below the card: the canvas's twin for keyboards and screen readers. Only the rows in sight exist. */

import { el, icon, mark, svg } from "../lib/dom.js";
import { plural, probability } from "../lib/format.js";
import { markOf, wordsOf } from "./labels.js";
import { drawProbability } from "./rulers.js";

/** @typedef {import("./types.js").Item} Item */

const ROW_PX = 46;
const SPARE = 4;

export class QueueList {
  /**
   * @param {import("./review.js").Review} review
   * @param {import("./crops.js").Crops} crops
   */
  constructor(review, crops) {
    this.review = review;
    this.crops = crops;
    this.before = el("span", { class: "spacer" });
    this.after = el("span", { class: "spacer" });
    this.rows = el("div", { role: "list" });
    this.element = el("div", { class: "r-list", tabindex: "-1" }, this.before, this.rows, this.after);
    this.element.addEventListener("scroll", () => this.#draw());
    new ResizeObserver(() => this.#draw()).observe(this.element);
    /** @type {Item[]} */
    this.items = [];
    /** Pictures of rows, kept while the list lives. @type {Map<string, HTMLElement>} */
    this.thumbs = new Map();
    this.shownFor = "";
  }

  update() {
    this.items = this.review.walk();
    if (this.shownFor !== this.review.current) {
      this.shownFor = this.review.current ?? "";
      this.#reveal();
    }
    this.#draw();
  }

  #reveal() {
    const index = this.items.findIndex((item) => item.key === this.review.current);
    if (index < 0) return;
    const top = index * ROW_PX;
    const { scrollTop, clientHeight } = this.element;
    if (top >= scrollTop && top + ROW_PX <= scrollTop + clientHeight) return;
    this.after.style.height = `${Math.max(0, this.items.length * ROW_PX)}px`;
    this.element.scrollTop = Math.max(0, top - ROW_PX);
  }

  #draw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - SPARE);
    const last = Math.min(this.items.length, Math.ceil((scrollTop + clientHeight) / ROW_PX) + SPARE);
    const focused = /** @type {HTMLElement|null} */ (document.activeElement)?.dataset?.item;
    this.before.style.height = `${first * ROW_PX}px`;
    this.after.style.height = `${Math.max(0, this.items.length - last) * ROW_PX}px`;
    this.rows.replaceChildren(...this.items.slice(first, last).map((item) => this.#row(item)));
    if (focused && this.rows.contains(this.rows.querySelector(`[data-item="${focused}"]`))) {
      /** @type {HTMLElement} */ (this.rows.querySelector(`[data-item="${focused}"]`)).focus({ preventScroll: true });
    }
  }

  /** @param {Item} item */
  #row(item) {
    const { current, store } = this.review;
    const line = /** @type {SVGElement} */ (svg("svg", { class: "line", "aria-hidden": "true" }));
    drawProbability(line, item.probability, store.analysis?.threshold ?? 0.5, false);
    const windows = this.review.findWindows(item);
    const place = windows && sayPlace(windows);
    return el(
      "div",
      { role: "listitem" },
      el(
        "button",
        {
          type: "button",
          class: "q-row",
          "data-item": item.key,
          "aria-current": item.key === current ? "true" : null,
          onclick: () => this.review.choose(item.key),
        },
        this.#thumb(item),
        el("span", { class: "number", text: item.name }),
        line,
        el("span", { text: item.probability === null ? "–" : probability(item.probability) }),
        el("span", { class: "where", text: place }),
        this.#said(item),
      ),
    );
  }

  /** @param {Item} item */
  #thumb(item) {
    const known = this.thumbs.get(item.key);
    if (known) return known;
    const image = el("img", { src: this.crops.url(item, "row"), alt: "", width: 34, height: 34, decoding: "async" });
    this.thumbs.set(item.key, image);
    return image;
  }

  /** How many comments there are, my verdict and the others'. @param {Item} item */
  #said(item) {
    const { store } = this.review;
    const mine = store.mine(item.key);
    const shown = mine ? [{ said: mine, who: store.me.initials }] : [];
    for (const verdict of store.others(item.key)) shown.push({ said: verdict, who: verdict.reader.initials });
    const comments = store.commentCount(item.key);
    if (!shown.length && !comments) return el("span", { class: "said-by", text: "–" });
    return el(
      "span",
      { class: "said-by" },
      comments > 0 && el("span", { class: "talks", title: plural(comments, "comment") }, icon("message-square"), String(comments)),
      ...shown
        .slice(0, 3)
        .flatMap(({ said, who }) => [
          mark(markOf(said.label)),
          el("span", { text: who, title: wordsOf(said) }),
          said.purpose === "correct" && el("span", { class: "correct", title: "given to correct for training" }, icon("tag")),
        ]),
    );
  }
}

/** Alone "region 1", short with another: "1 and rival". @param {string[]} windows that hold an item */
function sayPlace(windows) {
  const [only, ...others] = windows;
  if (!only) return "outside";
  return others.length || !/^\d$/.test(only) ? windows.join(" and ") : `region ${only}`;
}
