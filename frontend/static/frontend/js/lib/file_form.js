/** A form in a dialog that takes one file, says what is wrong with it, and sends what was read of it. */

import { el, icon } from "./dom.js";

/** @typedef {{title: string, file: Record<string, unknown>, hint: string}} Words what the dialog is about; the file's control; a line beside the buttons */

export class FileForm {
  /** @param {string} name of the dialog, from which its parts have their ids @param {Words} words */
  constructor(name, words) {
    this.name = name;
    this.words = words;
    this.file = field(`${name}-file`, { type: "file", required: true, ...words.file });
    this.error = el("p", { class: "form-errors", role: "alert", hidden: true });
    this.go = /** @type {HTMLButtonElement} */ (
      el("button", { class: "btn primary", type: "submit", disabled: true, text: "Import" })
    );
  }

  /** @param {(Node|string)[]} body @param {() => void} send */
  build(body, send) {
    const close = { type: "button", class: "btn ghost small icon-only", "data-close-dialog": true, "aria-label": "Close" };
    const form = el(
      "form",
      { method: "dialog" },
      el("header", {}, el("span", { id: `${this.name}-title`, text: this.words.title }), el("button", close, icon("x"))),
      el("div", { class: "body" }, line("File", this.file), ...body, this.error),
      el(
        "footer",
        {},
        el("span", { class: "hint", text: this.words.hint }),
        el("button", { type: "button", class: "btn ghost", "data-close-dialog": true, text: "Cancel" }),
        this.go,
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send();
    });
    return form;
  }

  get chosen() {
    return this.file.files?.[0];
  }

  /** @param {string} sentence */
  refuse(sentence) {
    this.error.hidden = false;
    this.error.textContent = sentence;
  }
}

/** @param {string} id @param {Record<string, unknown>} attributes */
export const field = (id, attributes) => /** @type {HTMLInputElement} */ (el("input", { id, ...attributes }));

/** @param {string} label @param {HTMLElement} control */
export const line = (label, control) => el("div", { class: "line" }, el("label", { for: control.id, text: label }), control);
