/** Tooltip for [data-tip] (and its key in data-tip-key) and for text that is cut, after 400 ms or at once on keyboard focus. */

import { el } from "./dom.js";

const DELAY_MS = 400;

export function installTooltips() {
  /** @type {HTMLElement|null} */
  let shown = null;
  let timer = 0;

  const hide = () => {
    clearTimeout(timer);
    shown?.remove();
    shown = null;
  };
  const show = (/** @type {HTMLElement} */ target) => {
    hide();
    const { tipKey } = target.dataset;
    const tip = target.dataset.tip ?? cutText(target);
    if (!tip || !target.isConnected) return;
    shown = el("div", { id: "tip", role: "tooltip" }, tip);
    if (tipKey) shown.append(el("kbd", { text: tipKey }));
    (target.closest("dialog") ?? document.body).append(shown);
    place(shown, target);
  };
  const target = (/** @type {Event} */ event) => {
    const at = /** @type {Element} */ (event.target);
    return /** @type {HTMLElement|null} */ (at.closest?.("[data-tip]") ?? at.closest?.(".ellipsis"));
  };

  document.addEventListener("pointerover", (event) => {
    const found = target(event);
    hide();
    if (found) timer = window.setTimeout(() => show(found), DELAY_MS);
  });
  document.addEventListener("pointerdown", hide);
  document.addEventListener("focusin", (event) => {
    const found = target(event);
    if (found?.matches(":focus-visible")) show(found);
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}

/** The whole of a text that its place cuts with "…". @param {HTMLElement} target */
function cutText(target) {
  return target.scrollWidth > target.clientWidth ? (target.textContent ?? "").trim() : "";
}

/**
 * @param {HTMLElement} tip
 * @param {HTMLElement} target
 */
function place(tip, target) {
  const box = target.getBoundingClientRect();
  const width = tip.offsetWidth;
  const beside = target.dataset.tipSide === "right";
  const left = beside ? box.right + 8 : box.left + box.width / 2 - width / 2;
  const below = box.bottom + 6 + tip.offsetHeight < innerHeight;
  const top = beside ? box.top + box.height / 2 - tip.offsetHeight / 2 : below ? box.bottom + 6 : box.top - tip.offsetHeight - 6;
  tip.style.left = `${Math.max(8, Math.min(innerWidth - width - 8, left))}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}
