/** Where a reader goes when the queue is done: what lies just below the threshold, the next slide, the next case. */

import { get } from "../lib/api.js";
import { el, icon } from "../lib/dom.js";
import { plural } from "../lib/format.js";

/**
 * @typedef {import("../viewer/types.js").Case} Case
 * @typedef {{id: string, accession: string, due: string|null}} NextCase
 */

/** The next slide of the case that can be looked at. @param {Case} reading @param {string} slide id of the one that is open */
export function slideAfter({ slides }, slide) {
  const at = slides.findIndex(({ id }) => id === slide);
  return slides.slice(at + 1).find(({ state }) => state === "ready") ?? null;
}

/** The one due first. @param {NextCase[]} unread @param {string} reading id of the case that is open */
export function caseAfter(unread, reading) {
  const others = unread.filter(({ id }) => id !== reading);
  const due = (/** @type {NextCase} */ one) => one.due ?? "9999";
  return others.sort((a, b) => due(a).localeCompare(due(b)))[0] ?? null;
}

/** @param {{mitosis: number, added: number, not_mitosis: number, unsure: number}} given */
export function describeGiven({ mitosis, added, not_mitosis: not, unsure }) {
  const byHand = added ? ` (${added} added by hand)` : "";
  return [`${mitosis} ${mitosis === 1 ? "mitosis" : "mitoses"}${byHand}`, not && `${not} not mitosis`, unsure && `${unsure} unsure`]
    .filter(Boolean)
    .join(", ");
}

export class Onward {
  /** Unread cases of the reader; null until asked for. @type {NextCase|null|undefined} */
  #nextCase;
  #asked = false;

  /**
   * @param {import("./review.js").Review} review
   * @param {{api: string, reading: Case, slide: string}} place
   */
  constructor(review, { api, reading, slide }) {
    this.review = review;
    this.api = api;
    this.reading = reading;
    this.nextSlide = slideAfter(reading, slide);
    this.element = el("div", { class: "onward", role: "group", "aria-label": "Queue done" });
    this.shown = "";
  }

  /** Whether the reader has judged all that was asked. */
  get isDone() {
    const { store } = this.review;
    return store.judges && store.analysis?.state === "done" && !this.review.size("queue") && this.review.size("judged") > 0;
  }

  /** The end of the queue as a state of its own; built anew only when it says something else. */
  show() {
    if (!this.#asked) this.#findNextCase();
    const { store } = this.review;
    const state = JSON.stringify([store.givenByMe(), this.#hidden(), this.#missed(), this.review.sawMissed, this.#nextCase]);
    if (state === this.shown) return;
    this.shown = state;
    const ways = this.#ways();
    this.element.replaceChildren(icon("circle-check"), ...this.#words(), el("div", { class: "row wrap" }, ...ways));
  }

  /** Enter: the first of the ways; from what lies below the threshold back to the end of the queue. */
  go() {
    if (!this.isDone) return;
    if (this.review.tab === "queue") /** @type {HTMLElement|null} */ (this.element.querySelector(".primary"))?.click();
    else this.review.show("queue");
  }

  #words() {
    const { store } = this.review;
    const hidden = this.#hidden();
    const title = hidden ? `Nothing open above your own threshold ${(store.threshold ?? 0).toFixed(2)}` : "All calls are judged";
    const nothingLeft = this.#nextCase === null && !this.nextSlide;
    return [
      el("h2", { text: title }),
      el("p", { text: `Yours: ${describeGiven(store.givenByMe())}.` }),
      nothingLeft && el("p", { text: "No other case waits for you." }),
    ].filter((part) => part !== false);
  }

  /** Calls of the model that the reader's own filter keeps out of the queue. */
  #hidden() {
    const { store } = this.review;
    if (store.threshold === null) return 0;
    return [...store.items.values()].filter((item) => item.mitosis && !store.mine(item.key)).length;
  }

  #missed() {
    const { store } = this.review;
    return this.review.list("missed").filter((item) => store.stateOf(item) === "below").length;
  }

  /** What comes next, the likeliest first and primary. */
  #ways() {
    const { review } = this;
    const hidden = this.#hidden();
    const missed = this.#missed();
    const later = this.#nextCase;
    const missedWay = () => this.#button(`Missed? ${missed}`, "search", () => review.show("missed"));
    const ways = [
      hidden && this.#button(`Show the ${plural(hidden, "call")} below it`, "filter", () => review.store.setThreshold(null)),
      missed && !review.sawMissed && missedWay(),
      this.nextSlide && this.#link(`Next slide, ${this.nextSlide.label}`, this.nextSlide.url),
      later && this.#link(`Next case, ${later.accession}`, `/cases/${later.id}/`),
      this.#link("To the case", this.reading.url),
      missed && review.sawMissed && missedWay(),
    ].filter((way) => way instanceof HTMLElement);
    ways[0].classList.add("primary");
    ways[0].append(el("kbd", { text: "Enter" }));
    return ways;
  }

  /** @param {string} text @param {string} name @param {() => void} onclick */
  #button(text, name, onclick) {
    return el("button", { type: "button", class: "btn", onclick }, icon(name), text);
  }

  /** @param {string} text @param {string} href */
  #link(text, href) {
    return el("a", { class: "btn", href }, el("span", { class: "ellipsis", text, title: text }), icon("chevron-right"));
  }

  async #findNextCase() {
    this.#asked = true;
    try {
      const { results } = await get(`${this.api}cases/?show=unread`);
      this.#nextCase = caseAfter(results, this.reading.id);
      this.show();
    } catch (error) {
      if (/** @type {import("../lib/api.js").ApiError} */ (error).status === undefined) throw error;
      this.#asked = false; // no answer says nothing of what is left: asked again when the end is shown again
    }
  }
}
