/** The list of cases: filters act when they are changed, j and k walk, Enter opens, dropped slides make a case. */

import { isTextField } from "../lib/dom.js";
import { installNewCase } from "../upload/new_case.js";

const filters = document.querySelector("[data-filters]");
filters?.addEventListener("change", () => /** @type {HTMLFormElement} */ (filters).requestSubmit());
filters?.addEventListener("submit", () => {
  for (const field of filters.querySelectorAll("input, select")) {
    if (!(/** @type {HTMLInputElement} */ (field).value)) field.setAttribute("disabled", ""); // short addresses
  }
});

if (document.getElementById("drop-dialog")) installNewCase();

const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("tr[data-href]")]);
let at = -1;

/** @param {number} to */
function select(to) {
  if (!rows.length) return;
  rows[at]?.classList.remove("selected");
  at = Math.max(0, Math.min(rows.length - 1, to));
  rows[at].classList.add("selected");
  rows[at].querySelector("a")?.focus({ preventScroll: true });
  rows[at].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (isTextField(event.target) || document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "j" || event.key === "ArrowDown") select(at + 1);
  else if (event.key === "k" || event.key === "ArrowUp") select(at - 1);
  else return;
  event.preventDefault();
});
