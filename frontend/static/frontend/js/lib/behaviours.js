/** What markup alone cannot do, by data attributes: menus, dialogs, rows that are links, the search key, htmx and CSRF. */

import { csrfToken } from "./api.js";
import { isTextField, showDialog } from "./dom.js";
import { namesOf } from "./keyboard.js";

/** Menus are <details data-menu>: choosing in it, a click elsewhere and Escape close them. */
export function installMenus() {
  const open = () => /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details[data-menu][open]"));
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    for (const menu of open()) if (!menu.contains(target) || target.closest(".items a, .items button")) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });
}

/** [data-open-dialog="id"] opens a <dialog>; [data-close-dialog] closes the one it stands in; a click outside closes too. */
export function installDialogs() {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const opener = target.closest?.("[data-open-dialog]");
    if (opener) {
      const dialog = document.getElementById(opener.getAttribute("data-open-dialog") ?? "");
      if (dialog instanceof HTMLDialogElement) showDialog(dialog);
      return;
    }
    if (target.closest?.("[data-close-dialog]")) target.closest("dialog")?.close();
    else if (target instanceof HTMLDialogElement) target.close();
  });
}

/** A table row with data-href opens it; links and buttons inside keep their own meaning. */
export function installRowLinks() {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const row = target.closest?.("[data-href]");
    if (!row || target.closest("a, button, input, label, summary, select")) return;
    const href = row.getAttribute("data-href") ?? "";
    if (event.ctrlKey || event.metaKey) window.open(href, "_blank", "noopener");
    else location.assign(href);
  });
}

/** `/` puts the cursor into the search; a control with data-key="n" is pressed by that key. */
export function installPageKeys() {
  document.addEventListener("keydown", (event) => {
    if (isTextField(event.target) || document.querySelector("dialog[open]")) return;
    const names = namesOf(event);
    if (names[0] === "/") {
      const search = /** @type {HTMLInputElement|null} */ (document.querySelector("[data-search]"));
      if (!search) return;
      event.preventDefault();
      search.select();
      return;
    }
    const meant = names.map((name) => document.querySelector(`[data-key="${CSS.escape(name)}"]`)).find(Boolean);
    const control = /** @type {HTMLElement|null|undefined} */ (meant);
    if (!control) return;
    event.preventDefault();
    control.click();
  });
}

/** Every htmx request that changes something carries the CSRF token. */
export function installHtmx() {
  document.addEventListener("htmx:configRequest", (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    if (detail.verb !== "get") detail.headers["X-CSRFToken"] = csrfToken();
  });
}

/** Times of the server, shown in the reader's own zone: <time datetime data-local>. */
export function localTimes(/** @type {ParentNode} */ root = document) {
  for (const node of root.querySelectorAll("time[data-local]")) {
    const at = new Date(node.getAttribute("datetime") ?? "");
    if (Number.isNaN(at.getTime())) continue;
    const today = at.toDateString() === new Date().toDateString();
    const clock = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    node.textContent = today ? clock : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${clock}`;
  }
}
