/** The theme chosen on this browser: like the system, light or dark. */

import { storage } from "./storage.js";

const KEY = "mitoweb.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** @returns {string} system, light or dark */
export function themeChoice() {
  return storage.getItem(KEY) ?? "system";
}

/** @param {string} choice */
export function chooseTheme(choice) {
  storage.setItem(KEY, choice);
  apply();
}

function apply() {
  const root = document.documentElement;
  if (root.hasAttribute("data-theme-fixed")) return;
  const choice = themeChoice();
  root.dataset.theme = choice === "dark" || (choice === "system" && system.matches) ? "dark" : "light";
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.toggleAttribute("aria-current", button.getAttribute("data-theme-choice") === choice);
  }
}

export function installTheme() {
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", (event) => event.key === KEY && apply());
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest?.("[data-theme-choice]");
    if (button) chooseTheme(button.getAttribute("data-theme-choice") ?? "system");
  });
}
