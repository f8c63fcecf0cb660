/** The current item: crop, Grad-CAM, surroundings, probability, verdict and what it says more. Built once, so that nothing moves. */

import { el, icon, mark, svg } from "../lib/dom.js";
import { probability } from "../lib/format.js";
import { CropView } from "./crop_view.js";
import { HintLine } from "./hint_line.js";
import { LABELS, markOf, wordsOf } from "./labels.js";
import { drawProbability } from "./rulers.js";
import { SayMore } from "./say_more.js";
import { OUTSIDE } from "./score.js";
import { agreement } from "./store.js";

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").Label} Label
 * @typedef {{judge: (label: Label, more?: Partial<import("./types.js").Said>) => void, undo: () => void, next: () => void, talk: () => void, talkOf: () => Item|null, follows: (item: Item, label: Label) => import("./score.js").Following|null, decision: () => import("./score.js").Decision|null, hasLongScores: () => boolean}} Handlers
 */

/** @type {import("./score.js").Decision} */
const NOT_COUNTED = { state: "plain", lead: "", text: "", short: "" };

export class Card {
  /**
   * @param {import("./review.js").Review} review
   * @param {import("./crops.js").Crops} crops
   * @param {import("./gradcam.js").Explanations} explanations
   * @param {{judges: boolean, explains: boolean}} may
   * @param {Handlers & import("./say_more.js").Handlers} handlers
   */
  constructor(review, crops, explanations, may, handlers) {
    this.review = review;
    this.crops = crops;
    this.may = may;
    this.handlers = handlers;
    this.view = new CropView(crops, explanations, may.explains);
    this.hint = new HintLine(explanations, review.store.me.id);
    this.probabilityText = el("b");
    this.call = el("span");
    this.line = /** @type {SVGElement} */ (svg("svg", { "aria-hidden": "true" }));
    this.said = el("div", { class: "said" });
    this.buttons = LABELS.map((entry) => this.#verdictButton(entry));
    this.verdicts = el("div", { class: "verdicts", role: "group", "aria-label": "Verdict" }, ...this.buttons);
    this.decision = el("p", { class: "decision" });
    this.more = new SayMore(review.store.me.id, may.judges, handlers);
    this.talkWord = el("span", { text: "Comment" });
    this.talkCount = el("span", { class: "n" });
    this.undoButton = el(
      "button",
      { type: "button", class: "btn ghost", onclick: handlers.undo },
      icon("undo-2"),
      "Undo",
      el("kbd", { text: "z" }),
    );
    this.element = this.#build();
  }

  #build() {
    const { handlers, may } = this;
    const acts = el(
      "div",
      { class: "r-acts" },
      may.judges && this.undoButton,
      el(
        "button",
        { type: "button", class: "btn ghost", id: "talk-button", onclick: handlers.talk },
        icon("message-square"),
        this.talkWord,
        this.talkCount,
        el("kbd", { text: "c" }),
      ),
      el(
        "button",
        { type: "button", class: "btn ghost", id: "next-button", onclick: handlers.next },
        "Next",
        el("kbd", { text: "Space" }),
      ),
    );
    return el(
      "div",
      {},
      this.view.element,
      el("div", { class: "prob" }, el("div", { class: "text" }, "Probability", this.probabilityText, this.call), this.line),
      this.verdicts,
      may.judges && this.decision,
      this.more.element,
      acts,
      this.hint.element,
      this.said,
    );
  }

  /** @param {(typeof LABELS)[number]} entry */
  #verdictButton({ label, word, key, mark: name, css }) {
    const lock = !this.may.judges;
    return el(
      "button",
      {
        type: "button",
        class: `verdict ${css}`,
        "data-label": label,
        "aria-pressed": "false",
        disabled: lock,
        onclick: () => this.handlers.judge(label),
      },
      lock ? icon("lock") : mark(name),
      el("span", { class: "word", text: word }),
      el("kbd", { text: key }),
      el("span", { class: "follows" }),
    );
  }

  /** @param {boolean} canUndo */
  update(canUndo) {
    const { item, store } = this.review;
    this.element.hidden = !item;
    if (!item) return;
    this.view.show(item);
    this.hint.show(item);
    this.#showProbability(item);
    const mine = store.mine(item.key);
    this.verdicts.classList.toggle("long", this.handlers.hasLongScores());
    for (const button of this.buttons) {
      const label = /** @type {Label} */ (button.dataset.label);
      button.setAttribute("aria-pressed", String(mine?.label === label));
      this.#showFollowing(/** @type {HTMLElement} */ (button.querySelector(".follows")), item, label);
    }
    this.#showDecision();
    this.more.update(item, mine);
    this.#showTalk(item);
    this.undoButton.toggleAttribute("disabled", !canUndo);
    this.#showSaid(item, mine);
  }

  /** What a key does stands on it before it is pressed. @param {HTMLElement} place @param {Item} item @param {Label} label */
  #showFollowing(place, item, label) {
    const following = this.handlers.follows(item, label);
    place.classList.toggle("changes", Boolean(following?.changes));
    place.replaceChildren(...(this.may.judges ? partsOf(item, label, following) : ["your role gives none"]));
    place.title = place.textContent ?? "";
  }

  /** Always there, so that nothing moves when it says something. */
  #showDecision() {
    const { state, lead, text, short } = this.handlers.decision() ?? NOT_COUNTED;
    this.decision.className = `decision ${state}`;
    const sign = { decided: "circle-check", blocked: "shield", open: "target", unknown: "circle-help", plain: "" }[state];
    this.decision.replaceChildren(...(sign ? [icon(sign)] : []), el("span", { title: text }, el("b", { text: lead }), " ", short));
  }

  /** @param {Item} item */
  #showProbability(item) {
    const { analysis } = this.review.store;
    const cut = analysis?.threshold ?? 0.5;
    drawProbability(this.line, item.probability, cut, true);
    if (item.probability === null) {
      this.probabilityText.textContent = "–";
      this.call.textContent = "added by hand, the model did not score it";
      return;
    }
    this.probabilityText.textContent = probability(item.probability);
    this.call.textContent = `${analysis?.model.name ?? "model"} calls ${item.mitosis ? "mitosis" : "not mitosis"}, threshold ${cut.toFixed(2)}`;
    this.call.title = this.call.textContent;
  }

  /** Of which item the key tells what is said, where the next one came by itself, and how much that is. @param {Item} item */
  #showTalk(item) {
    const about = this.handlers.talkOf() ?? item;
    this.talkWord.textContent = about.key === item.key ? "Comment" : `Comment on ${about.name}`;
    this.talkCount.textContent = String(this.review.store.commentCount(about.key) || "");
  }

  /** @param {Item} item @param {import("./types.js").Said|null} mine */
  #showSaid(item, mine) {
    const { store } = this.review;
    const lines = store.others(item.key).map((verdict) => this.#line(verdict.reader.username, verdict));
    if (mine?.comment || mine?.purpose === "correct") lines.push(this.#line("You", mine));
    const last = store.comments.standing(item.key).at(-1);
    if (last) lines.push(quote(icon("message-square"), `${last.author.username}: “${last.text}”`));
    this.said.replaceChildren(...lines);
    this.said.dataset.tip = lines.map((line) => line.textContent).join(" · ");
  }

  /** @param {string} who @param {import("./types.js").Said} verdict */
  #line(who, verdict) {
    const { label, comment, purpose } = verdict;
    const why = purpose === "correct" && "to correct for training";
    const words = [`${who}: ${wordsOf(verdict)}`, why, comment && `“${comment}”`].filter(Boolean).join(", ");
    return quote(mark(markOf(label)), words);
  }
}

/** @param {Node} sign @param {string} words */
const quote = (sign, words) => el("p", {}, sign, el("span", { class: "ellipsis", text: words, title: words }));

/**
 * Agreement with the model where there is no score to tell: both have no room.
 * @param {Item} item @param {Label} label @param {import("./score.js").Following|null} following
 */
function partsOf(item, label, following) {
  const { figures, said } = following ?? { figures: null, said: "" };
  const hasScore = figures !== null && said;
  const agreed = hasScore ? "" : agreement(item, label);
  if (said === OUTSIDE && agreed) return [el("span", { class: "unit", text: `${agreed} · ` }), said];
  const before = [agreed, figures ?? said].filter((part) => part !== "").join(" · ");
  if (figures === null) return [before];
  return [before, el("span", { class: "unit", text: figures === 1 ? " figure" : " figures" }), said && `, ${said}`];
}
