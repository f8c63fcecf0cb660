/** The panel at the right: tabs, the state of the run, the card, the list or what is said of the current item. */

import { el, icon } from "../lib/dom.js";
import { ORDERS } from "./order.js";

/** @typedef {import("./review.js").Tab} Tab */

/** @type {[Tab, string, string][]} */
const TABS = [
  ["queue", "Queue", "Next in the queue"],
  ["judged", "Judged", "Judged"],
  ["missed", "Missed?", "Just below the threshold, and added by hand"],
];
const EMPTY = /** @type {Record<Tab, [string, string]>} */ ({
  queue: ["Nothing open", "Every call of the model is judged. “Missed?” shows what lies just below the threshold."],
  judged: ["Nothing judged yet", "What you judge appears here, to be looked at again."],
  missed: ["Nothing here", "Detections just below the threshold and figures added by hand appear here."],
});
/** @type {[string, string]} */
const NOTHING_CALLED = ["Nothing called", "The model called no mitosis here. “Missed?” shows what lies just below its threshold."];

export class Panel {
  /**
   * @param {HTMLElement} host
   * @param {import("./review.js").Review} review
   * @param {import("./card.js").Card} card
   * @param {import("./queue_list.js").QueueList} list
   * @param {import("./onward.js").Onward} onward
   * @param {import("./thread.js").Thread} thread
   * @param {import("./missed.js").MissedPart} missed
   */
  constructor(host, review, card, list, onward, thread, missed) {
    this.review = review;
    this.card = card;
    this.list = list;
    this.onward = onward;
    this.thread = thread;
    this.missed = missed;
    this.tabs = TABS.map(([tab, word]) =>
      el(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${tab}`,
          "aria-controls": "panel-body",
          onclick: () => review.show(tab),
        },
        word,
        el("span", { class: "n" }),
      ),
    );
    this.which = el("div", { class: "which ellipsis" });
    this.order = this.#orderSelect();
    this.run = el("div", { id: "run" });
    this.top = el("div", { class: "r-top" }, el("div", { class: "r-line" }, this.which, this.order), card.element);
    this.listTitle = el("span");
    this.empty = el("div", { class: "empty" });
    this.backToEnd = el(
      "button",
      { type: "button", class: "btn ghost small push", onclick: () => review.show("queue") },
      "Go on",
      el("kbd", { text: "Enter" }),
    );
    this.listHead = el("div", { class: "r-list-head" }, this.listTitle, this.backToEnd, this.#goOnSwitch());
    host.replaceChildren(
      el("div", { class: "r-tabs", role: "tablist", "aria-label": "Lists" }, ...this.tabs),
      el(
        "div",
        { class: "r-body", id: "panel-body", role: "tabpanel" },
        this.top,
        this.run,
        thread.element,
        this.empty,
        onward.element,
        missed.element,
        this.listHead,
        list.element,
      ),
    );
  }

  #orderSelect() {
    const select = /** @type {HTMLSelectElement} */ (
      el("select", {
        "aria-label": "Order",
        onchange: () => {
          this.review.sortBy(/** @type {import("./order.js").Order} */ (select.value));
          select.blur();
        },
      })
    );
    return select;
  }

  /** By effect only where there is a score to change. */
  #showOrder() {
    const { review, order } = this;
    const offered = ORDERS.filter(([value]) => value !== "effect" || review.effects);
    if (order.options.length !== offered.length)
      order.replaceChildren(...offered.map(([value, label]) => el("option", { value, text: label })));
    order.value = review.order;
    order.hidden = review.tab === "missed";
  }

  #goOnSwitch() {
    const box = /** @type {HTMLInputElement} */ (
      el("input", { type: "checkbox", id: "go-on", onchange: () => this.review.setGoOn(box.checked) })
    );
    box.checked = this.review.goOn;
    return el("label", { class: "row", for: "go-on", "data-tip": "After a verdict the next one comes" }, box, "go on by itself");
  }

  /** @param {boolean} canUndo */
  update(canUndo) {
    const { review } = this;
    TABS.forEach(([tab], index) => {
      this.tabs[index].setAttribute("aria-selected", String(review.tab === tab));
      /** @type {HTMLElement} */ (this.tabs[index].querySelector(".n")).textContent = String(review.size(tab));
    });
    const { item } = review;
    this.top.hidden = !item;
    this.#showOrder();
    if (item) this.#showWhich(item);
    this.card.update(canUndo);
    this.thread.show(item);
    const talks = !this.thread.element.hidden;
    const atEnd = review.tab === "queue" && this.onward.isDone;
    this.onward.element.hidden = !atEnd || talks;
    if (atEnd) this.onward.show();
    this.#showEmpty(!atEnd && !talks && (!item || !review.list(review.tab).length));
    this.backToEnd.hidden = review.tab === "queue" || !this.onward.isDone;
    this.run.hidden = talks; // what is said needs its room on a low screen
    this.listHead.hidden = atEnd || talks;
    this.list.element.hidden = atEnd || talks;
    this.missed.update(review.tab === "missed" && !talks);
    this.listTitle.textContent = TABS.find(([tab]) => tab === review.tab)?.[2] ?? "";
    this.list.update();
  }

  /** @param {import("./types.js").Item} item */
  #showWhich(item) {
    const list = this.review.list(this.review.tab);
    const index = list.indexOf(item);
    const word = { queue: "open", judged: "judged", missed: "below the threshold" }[this.review.tab];
    const place = index >= 0 ? `${index + 1} of ${list.length} ${word}` : `${list.length} ${word}`;
    this.which.replaceChildren(el("b", { text: item.name }), place);
  }

  /** @param {boolean} nothing */
  #showEmpty(nothing) {
    const { analysis } = this.review.store;
    const quiet = nothing && analysis?.state === "done";
    this.empty.hidden = !quiet;
    if (!quiet) return;
    const none = this.review.tab === "queue" && !this.review.size("judged");
    const [title, text] = none ? NOTHING_CALLED : EMPTY[this.review.tab];
    this.empty.replaceChildren(
      icon(this.review.tab === "queue" ? "circle-check" : "inbox"),
      el("h2", { text: title }),
      el("p", { text }),
    );
  }
}
