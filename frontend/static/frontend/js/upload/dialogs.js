/** Label and pixel size of a slide, set in small dialogs. */

import { request } from "../lib/api.js";
import { one } from "../lib/dom.js";
import { answerDoubts } from "../lib/doubts.js";
import { toast } from "../lib/toast.js";

/**
 * @param {HTMLElement} cards
 * @param {() => Promise<unknown>} refresh
 */
export function installSlideDialogs(cards, refresh) {
  const sizeDialog = /** @type {HTMLDialogElement|null} */ (document.getElementById("size-dialog"));
  const renameDialog = /** @type {HTMLDialogElement|null} */ (document.getElementById("rename-dialog"));
  if (!sizeDialog || !renameDialog) return;
  let slide = "";

  cards.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const card = /** @type {HTMLElement|null} */ (target.closest("[data-slide]"));
    const toSize = /** @type {HTMLElement|null} */ (target.closest("[data-set-size]"));
    const toRename = /** @type {HTMLElement|null} */ (target.closest("[data-rename]"));
    if (!card || !(toSize || toRename)) return;
    slide = card.dataset.slide ?? "";
    const dialog = toSize ? sizeDialog : renameDialog;
    const form = one("form", dialog);
    /** @type {HTMLFormElement} */ (form).reset();
    one("[data-error]", dialog).textContent = "";
    if (toSize) fillSize(dialog, card, toSize);
    else fillLabel(dialog, toRename?.dataset.rename ?? "");
    dialog.showModal();
  });

  sizeDialog.addEventListener("change", (event) => {
    if (/** @type {HTMLInputElement} */ (event.target).name === "how") showWay(sizeDialog);
  });
  send(sizeDialog, () => slide, sizeValues, refresh);
  send(
    renameDialog,
    () => slide,
    (form) => ({ label: field(form, "label") }),
    refresh,
  );
}

/**
 * Buttons that answer what is asked about a slide, or take that back.
 * @param {HTMLElement} cards
 * @param {() => Promise<unknown>} refresh
 */
export function installAnswers(cards, refresh) {
  cards.addEventListener("click", async (event) => {
    const button = /** @type {HTMLButtonElement|null} */ (/** @type {Element} */ (event.target).closest("[data-answer]"));
    const slide = /** @type {HTMLElement|null} */ (button?.closest("[data-slide]"))?.dataset.slide;
    if (!button || !slide) return;
    button.disabled = true;
    try {
      await answerDoubts(slide, button.dataset.answer === "ask_again" ? "ask_again" : "as_told");
      await refresh();
    } catch (error) {
      button.disabled = false;
      toast(/** @type {Error} */ (error).message, { kind: "bad" });
    }
  });
}

/** @param {HTMLElement} dialog @param {string} label */
function fillLabel(dialog, label) {
  /** @type {HTMLInputElement} */ (one("[name=label]", dialog)).value = label;
}

/** @param {HTMLElement} dialog @param {HTMLElement} card @param {HTMLElement} button */
function fillSize(dialog, card, button) {
  one("[data-label]", dialog).textContent = one("h3", card).textContent;
  const { mppX, mppY } = button.dataset;
  /** @type {HTMLInputElement} */ (one("[name=mpp_x]", dialog)).value = mppX ?? "";
  /** @type {HTMLInputElement} */ (one("[name=mpp_y]", dialog)).value = mppY && mppY !== mppX ? mppY : "";
  showWay(dialog);
}

/** @param {HTMLElement} dialog */
function showWay(dialog) {
  const way = /** @type {HTMLInputElement} */ (one("[name=how]:checked", dialog)).value;
  const parts = /** @type {NodeListOf<HTMLElement>} */ (dialog.querySelectorAll("[data-how]"));
  for (const part of parts) part.hidden = part.getAttribute("data-how") !== way;
}

/** @param {HTMLFormElement} form */
function sizeValues(form) {
  const number = (/** @type {string} */ name) => field(form, name).replace(",", ".");
  const note = field(form, "note");
  if (field(form, "how") === "length") return { length_um: number("length_um"), length_px: number("length_px"), note };
  return { mpp_x: number("mpp_x"), mpp_y: number("mpp_y") || number("mpp_x"), note };
}

/** @param {HTMLFormElement} form @param {string} name */
const field = (form, name) => String(new FormData(form).get(name) ?? "").trim();

/**
 * @param {HTMLDialogElement} dialog
 * @param {() => string} slide
 * @param {(form: HTMLFormElement) => object} values
 * @param {() => Promise<unknown>} refresh
 */
function send(dialog, slide, values, refresh) {
  const form = /** @type {HTMLFormElement} */ (one("form", dialog));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await request("PATCH", `/api/slides/${slide()}/`, { json: values(form) });
      dialog.close();
      await refresh();
    } catch (error) {
      one("[data-error]", dialog).textContent = /** @type {Error} */ (error).message;
    }
  });
}
