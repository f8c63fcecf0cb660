/** Small dialogs of the review: the comment that goes with a verdict, what was refused. A verdict never opens one. */

import { el, icon, showDialog } from "../lib/dom.js";
import { plural } from "../lib/format.js";
import { verdictsIn } from "./entries.js";
import { wordsOf } from "./labels.js";

const close = () =>
  el("button", { type: "button", class: "btn ghost small icon-only", "data-close-dialog": true, "aria-label": "Close" }, icon("x"));

/**
 * @param {HTMLDialogElement} dialog
 * @param {string} name of the item
 * @param {string} before
 * @param {(comment: string) => void} save
 */
export function askComment(dialog, name, before, save) {
  const text = /** @type {HTMLTextAreaElement} */ (
    el("textarea", { id: "comment-text", maxlength: 500, rows: 3, "aria-label": "Comment" })
  );
  text.value = before;
  const form = el(
    "form",
    { method: "dialog", onsubmit: () => save(text.value.trim()) },
    el("header", {}, el("span", { id: "comment-title", text: `Comment on ${name}` }), close()),
    el(
      "div",
      { class: "body" },
      text,
      el("p", { class: "caption", text: "Kept with your verdict, seen by the team. No patient data." }),
    ),
    el(
      "footer",
      {},
      el("span", { class: "hint", text: "Ctrl Enter saves" }),
      el("button", { type: "button", class: "btn ghost", "data-close-dialog": true, text: "Cancel" }),
      el("button", { class: "btn primary", type: "submit", text: "Save" }),
    ),
  );
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) /** @type {HTMLFormElement} */ (form).requestSubmit();
  });
  dialog.replaceChildren(form);
  showDialog(dialog);
}

/** @param {import("./types.js").Sent} entry */
function describeSent(entry) {
  if (entry.kind === "figure") return "added figure";
  if (entry.kind === "comment") return entry.body.withdraws ? "comment withdrawn" : `comment “${entry.body.text}”`;
  if (entry.kind === "look") return "looked at";
  return [...new Set(verdictsIn(entry).map(wordsOf))].join("; ");
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {import("./outbox.js").Outbox} outbox
 * @param {import("./store.js").ReviewStore} store
 */
export function showRefused(dialog, outbox, store) {
  const rows = outbox.refused.map((entry) => {
    const said = verdictsIn(entry);
    const one = entry.kind === "look" ? "a field" : (store.items.get(entry.key)?.name ?? "an item of another analysis");
    const name = said.length > 1 ? plural(said.length, "verdict") : one;
    const row = el(
      "div",
      { class: "row" },
      el(
        "span",
        {},
        el("b", { text: `${name}: ${describeSent(entry)}` }),
        el("br"),
        el("span", { class: "bad", text: entry.refused ?? "" }),
      ),
      el("button", {
        type: "button",
        class: "btn small push",
        text: "Drop it",
        onclick: () => {
          outbox.dismiss(entry.id);
          row.remove();
        },
      }),
    );
    return row;
  });
  dialog.replaceChildren(
    el("header", {}, el("span", { id: "refused-title", text: "Refused by the server" }), close()),
    el(
      "div",
      { class: "body" },
      el("p", { class: "second", text: "These are in this browser only and are not counted." }),
      ...rows,
    ),
    el("footer", {}, el("button", { type: "button", class: "btn push", "data-close-dialog": true, text: "Close" })),
  );
  showDialog(dialog);
}
