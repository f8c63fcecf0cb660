/** Toasts, bottom left: 5 s, errors stay. Not for what is seen anyway. */

import { el, icon } from "./dom.js";

const ICONS = { bad: "circle-alert", warn: "triangle-alert", yes: "check", plain: "info" };
const SHOWN_MS = 5000;

/**
 * The same sentence stands once, the newest.
 * @param {string} text
 * @param {{kind?: "plain"|"yes"|"warn"|"bad", action?: {label: string, run: () => void}}} [options]
 */
export function toast(text, { kind = "plain", action } = {}) {
  const place = document.getElementById("toasts");
  for (const shown of place?.querySelectorAll(".toast") ?? [])
    if (shown.querySelector("span")?.textContent === text) shown.remove();
  const box = el("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : null }, icon(ICONS[kind]), el("span", { text }));
  if (action) {
    box.append(
      el("button", {
        type: "button",
        class: "btn small",
        text: action.label,
        onclick: () => {
          box.remove();
          action.run();
        },
      }),
    );
  }
  box.append(
    el("button", { type: "button", class: "btn ghost small icon-only", "aria-label": "Close", "data-dismiss": true }, icon("x")),
  );
  place?.append(box);
  if (kind !== "bad") setTimeout(() => box.remove(), SHOWN_MS);
}

/** Closing by hand, and the time of those the server wrote into the page. */
export function installToasts() {
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest?.("[data-dismiss]");
    button?.closest(".toast")?.remove();
  });
  for (const box of document.querySelectorAll(".toast:not([data-stays])")) setTimeout(() => box.remove(), SHOWN_MS);
}
