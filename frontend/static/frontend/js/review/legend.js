/** The marks with their numbers; each switches its marks off and on. */

import { el, mark } from "../lib/dom.js";

/** @typedef {"open"|"yes"|"no"|"unsure"|"below"|"differ"} State */

/** @type {[State, string][]} */
const ENTRIES = [
  ["open", "Open"],
  ["yes", "Mitosis"],
  ["no", "Not mitosis"],
  ["unsure", "Unsure"],
  ["differ", "Differ"],
  ["below", "Below"],
];

/**
 * @param {HTMLElement} host
 * @param {import("./store.js").ReviewStore} store
 * @param {import("../overlays/layer.js").MarkLayer} layer
 * @returns {() => void} to be called after each change
 */
export function installLegend(host, store, layer) {
  const buttons = new Map(
    ENTRIES.map(([state, word]) => [
      state,
      el(
        "button",
        {
          type: "button",
          "aria-pressed": "true",
          "data-state": state,
          "data-tip": state === "below" ? "Below the threshold" : word,
          onclick: () => toggle(state),
        },
        mark(state),
        el("span", { class: "word", text: `${word} ` }),
        el("span", { class: "n" }),
      ),
    ]),
  );
  const toggle = (/** @type {State} */ state) => {
    layer.toggle(state);
    buttons.get(state)?.setAttribute("aria-pressed", String(!layer.off.has(state)));
  };
  host.append(...buttons.values());
  return () => {
    const tally = store.tally();
    for (const [state, button] of buttons) {
      const count = tally[state];
      button.hidden = state === "differ" && !count;
      const n = /** @type {HTMLElement} */ (button.querySelector(".n"));
      if (n.textContent !== String(count)) n.textContent = String(count);
    }
  };
}
