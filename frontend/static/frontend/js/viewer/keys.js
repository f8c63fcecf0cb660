/** The keys of the viewer and the `?` sheet. Silent in text fields, under dialogs, and when switched off. */

import { el, icon, isTextField } from "../lib/dom.js";
import { namesOf, shortcutOf } from "../lib/keyboard.js";
import { choice, choose } from "../lib/storage.js";

/**
 * @typedef {{keys: string[], shown?: string[], words: string, run: (key: string) => void, held?: (key: string) => void, navigation?: boolean}} Binding
 *   `held` runs when the key is let go; `navigation` works also with keys switched off
 */

const HOLD_MS = 250;

/**
 * @param {Binding[]} bindings
 * @param {HTMLDialogElement} sheet
 * @param {string} [help] what else is to be known, below the keys
 * @returns {() => void} shows the sheet
 */
export function installKeys(bindings, sheet, help = "") {
  /** @type {Map<string, Binding>} */
  const byKey = new Map();
  for (const binding of bindings) {
    for (const key of binding.keys) {
      if (byKey.has(key)) throw new Error(`The key ${key} means two things: ${byKey.get(key)?.words}, and ${binding.words}.`);
      byKey.set(key, binding);
    }
  }
  let on = choice("keys", "on") === "on";
  /** The key that is down and means something when it is let go. @type {{binding: Binding, name: string, code: string, since: number}|null} */
  let down = null;
  let spaceTaken = false;

  const quiet = (/** @type {KeyboardEvent} */ event) =>
    isTextField(event.target) || document.querySelector("dialog[open]") !== null;
  const show = () => {
    sheet.replaceChildren(
      ...sheetParts(bindings, help, on, (value) => {
        on = value;
        choose("keys", value ? "on" : "off");
      }),
    );
    sheet.showModal();
  };

  document.addEventListener("keydown", (event) => {
    if (quiet(event)) return;
    const name = [...namesOf(event), shortcutOf(event)].find((known) => known === "?" || byKey.has(known));
    if (name === "?") {
      event.preventDefault();
      show();
      return;
    }
    const binding = byKey.get(name ?? "");
    if (!name || !binding || (!on && !binding.navigation)) return;
    // A focused button keeps Space and Enter for itself, unless it was only clicked with the mouse.
    const onControl = /** @type {Element} */ (event.target).matches?.(
      "button:focus-visible, summary:focus-visible, input:focus-visible, a:focus-visible",
    );
    if (onControl && (name === "Space" || name === "Enter")) return;
    if (/** @type {Element} */ (event.target).matches?.("input[type=range]") && name.includes("Arrow")) return;
    event.preventDefault();
    spaceTaken = event.key === " ";
    if (event.repeat && binding.held) return;
    if (binding.held) down = { binding, name, code: event.code, since: event.timeStamp };
    binding.run(name);
  });
  document.addEventListener("keyup", (event) => {
    // Some browsers press a focused button when Space is let go: not if it has meant "next".
    if (event.key === " " && spaceTaken) event.preventDefault();
    spaceTaken = false;
    if (!down || event.code !== down.code) return;
    if (event.timeStamp - down.since > HOLD_MS) down.binding.held?.(down.name);
    down = null;
  });
  return show;
}

/** @param {Binding[]} bindings @param {string} help @param {boolean} on @param {(on: boolean) => void} set */
function sheetParts(bindings, help, on, set) {
  const rows = bindings
    .filter(({ words }) => words)
    .map(({ keys, shown, words }) =>
      el(
        "div",
        { class: "key-row" },
        el("span", {}, ...(shown ?? keys).map((key) => (key === "…" ? " … " : el("kbd", { text: key })))),
        el("span", { text: words }),
      ),
    );
  const box = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox", id: "keys-on", onchange: () => set(box.checked) }));
  box.checked = on;
  return [
    el(
      "header",
      {},
      el("span", { id: "keys-title", text: "Keys" }),
      el(
        "button",
        { type: "button", class: "btn ghost small icon-only", "data-close-dialog": true, "aria-label": "Close" },
        icon("x"),
      ),
    ),
    el(
      "div",
      { class: "body" },
      ...rows,
      bindings.some(({ keys }) => keys.includes("1")) &&
        el("p", { class: "caption", text: "Digits are the keys above the letters on every keyboard, also without Shift." }),
      help && el("p", { class: "caption", text: help }),
    ),
    el(
      "footer",
      {},
      el("label", { class: "row", for: "keys-on" }, box, "single keys are on"),
      el("button", { type: "button", class: "btn push", "data-close-dialog": true, text: "Close" }),
    ),
  ];
}
