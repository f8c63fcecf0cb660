/** What people say of the current item, in the place of the list: the crop stays in sight. Follows the reader while it is open. */

import { el, icon } from "../lib/dom.js";
import { moment } from "../lib/format.js";

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./comments.js").Shown} Shown
 * @typedef {{say: (item: Item, text: string, replyTo: string|null) => void, withdraw: (item: Item, comment: string) => void, edit: (item: Item) => void, close: () => void}} Handlers
 */

const HINT = "Seen by the team, no patient data. Ctrl Enter sends";
const MOST_CHARACTERS = 1000;

export class Thread {
  /**
   * @param {import("./store.js").ReviewStore} store
   * @param {{comment: boolean, judge: boolean}} may
   * @param {Handlers} handlers
   */
  constructor(store, may, handlers) {
    this.store = store;
    this.may = may;
    this.handlers = handlers;
    this.open = false;
    /** @type {Item|null} */
    this.item = null;
    /** The comment that is being answered. @type {Shown|null} */
    this.answered = null;
    /** What was typed and not sent, by item. @type {Map<string, string>} */
    this.drafts = new Map();
    this.drawn = "";
    this.title = el("span", { id: "thread-title" });
    this.list = el("ol", { class: "talk", tabindex: "-1" });
    this.text = /** @type {HTMLTextAreaElement} */ (
      el("textarea", { id: "comment-text", maxlength: MOST_CHARACTERS, rows: 1, placeholder: HINT, "aria-label": HINT })
    );
    this.answering = el("p", { class: "answering", hidden: true });
    this.form = el(
      "form",
      {
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          this.#send();
        },
      },
      this.answering,
      el("div", { class: "row" }, this.text, el("button", { type: "submit", class: "btn primary small", text: "Send" })),
    );
    this.element = el(
      "section",
      {
        class: "thread",
        "aria-labelledby": "thread-title",
        hidden: true,
        onkeydown: (/** @type {KeyboardEvent} */ e) => this.#key(e),
      },
      el(
        "div",
        { class: "r-list-head" },
        this.title,
        el(
          "button",
          { type: "button", class: "btn ghost small", onclick: () => handlers.close() },
          "Close",
          el("kbd", { text: "Esc" }),
        ),
      ),
      this.list,
      may.comment ? this.form : el("p", { class: "caption", text: "Your role reads comments and writes none." }),
    );
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape") this.handlers.close();
    else if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    else this.#send();
    event.preventDefault();
    event.stopPropagation();
  }

  #send() {
    const text = this.text.value.trim();
    if (!this.item || !text) return;
    const { item, answered } = this;
    this.text.value = "";
    this.#answer(null);
    this.handlers.say(item, text, answered?.id ?? null);
  }

  /** @param {boolean} open */
  set(open) {
    this.open = open;
    if (!open && this.element.contains(document.activeElement)) /** @type {HTMLElement} */ (document.activeElement).blur();
  }

  /** Ready to write, or to read on. */
  focus() {
    (this.may.comment ? this.text : this.list).focus({ preventScroll: true });
  }

  /** @param {Item|null} item */
  show(item) {
    this.element.hidden = !this.open || !item;
    if (item?.key !== this.item?.key) this.#change(item);
    if (this.element.hidden || !item) return;
    this.title.textContent = `Comments on ${item.name}`;
    const spoken = this.store.verdictComments(item.key);
    const threads = this.store.comments.threads(item.key);
    const drawn = JSON.stringify([item.key, spoken, threads]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const rows = [...spoken.map((said) => this.#verdictRow(item, said)), ...threads.map((thread) => this.#threadRow(item, thread))];
    this.list.replaceChildren(...(rows.length ? rows : [el("li", { class: "none", text: "Nothing said yet." })]));
    this.list.scrollTop = this.list.scrollHeight; // the newest in sight
  }

  /** What is half written stays with its item. @param {Item|null} item */
  #change(item) {
    if (this.item) this.drafts.set(this.item.key, this.text.value);
    this.item = item;
    this.text.value = (item && this.drafts.get(item.key)) ?? "";
    this.#answer(null);
  }

  /** @param {Shown|null} comment */
  #answer(comment) {
    this.answered = comment;
    this.answering.hidden = !comment;
    if (!comment) return;
    this.answering.replaceChildren(
      `Answer to ${comment.author.username}`,
      el(
        "button",
        { type: "button", class: "btn ghost small icon-only", "aria-label": "No answer", onclick: () => this.#answer(null) },
        icon("x"),
      ),
    );
    this.focus();
  }

  /** @param {Item} item @param {{reader: import("./types.js").Reader, comment: string, at: string|null}} said */
  #verdictRow(item, { reader, comment, at }) {
    const mine = reader.id === this.store.me.id && this.may.judge;
    return el(
      "li",
      {},
      this.#head(reader, at, "with the verdict"),
      el("p", { class: "text", text: comment }),
      mine &&
        el(
          "p",
          { class: "acts" },
          this.#act("Edit", () => this.handlers.edit(item)),
        ),
    );
  }

  /** @param {Item} item @param {import("./comments.js").Thread} thread */
  #threadRow(item, thread) {
    const replies = thread.replies.map((reply) => el("li", {}, ...this.#comment(item, reply, false)));
    return el(
      "li",
      { "data-comment": thread.id },
      ...this.#comment(item, thread, true),
      replies.length ? el("ol", {}, ...replies) : null,
    );
  }

  /** @param {Item} item @param {Shown} comment @param {boolean} first it can be answered */
  #comment(item, comment, first) {
    const { author, at, text, withdrawn, waiting } = comment;
    const acts = [
      first && this.may.comment && this.#act("Answer", () => this.#answer(comment)),
      author.id === this.store.me.id &&
        this.may.comment &&
        !withdrawn &&
        this.#act("Withdraw", () => {
          this.handlers.withdraw(item, comment.id);
          this.focus();
        }),
    ].filter((act) => act instanceof HTMLElement);
    return [
      this.#head(author, at, waiting ? "not saved yet" : ""),
      el("p", { class: withdrawn ? "text gone" : "text", text: withdrawn ? "withdrawn" : text }),
      acts.length ? el("p", { class: "acts" }, ...acts) : null,
    ];
  }

  /** @param {import("./types.js").Reader} who @param {string|null} at @param {string} note */
  #head(who, at, note) {
    const facts = [at && moment(new Date(at)), note].filter(Boolean).join(", ");
    return el("p", { class: "who" }, el("b", { text: who.id === this.store.me.id ? "You" : who.username }), facts);
  }

  /** @param {string} text @param {() => void} onclick */
  #act(text, onclick) {
    return el("button", { type: "button", text, onclick });
  }
}
