/** Label and pixel size of a slide, set in small dialogs. */

import { post, request } from "../lib/api.js";
import { el, one, showDialog } from "../lib/dom.js";
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
    if (toSize) fillOthers(dialog, cards, card);
    else fillLabel(dialog, toRename?.dataset.rename ?? "");
    showDialog(dialog);
  });

  sizeDialog.addEventListener("change", (event) => {
    if (/** @type {HTMLInputElement} */ (event.target).name === "how") showWay(sizeDialog);
  });
  send(sizeDialog, refresh, (form) => {
    const others = new FormData(form).getAll("slides");
    if (!others.length) return request("PATCH", `/api/slides/${slide}/`, { json: sizeValues(form) });
    return post(cards.dataset.sizes ?? "", { ...sizeValues(form), slides: [slide, ...others] });
  });
  send(renameDialog, refresh, (form) => request("PATCH", `/api/slides/${slide}/`, { json: { label: field(form, "label") } }));
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

/**
 * Buttons that make a slide of another picture of a slide's file.
 * @param {HTMLElement} cards
 * @param {() => Promise<unknown>} refresh
 */
export function installScenes(cards, refresh) {
  cards.addEventListener("click", async (event) => {
    const button = /** @type {HTMLButtonElement|null} */ (/** @type {Element} */ (event.target).closest("[data-scene]"));
    const slide = /** @type {HTMLElement|null} */ (button?.closest("[data-slide]"))?.dataset.slide;
    if (!button || !slide) return;
    button.disabled = true;
    try {
      const added = await post(`/api/slides/${slide}/scenes/`, { scene: Number(button.dataset.scene) });
      toast(`${added.label} was added and is being checked`, { kind: "yes" });
    } catch (error) {
      toast(/** @type {Error} */ (error).message, { kind: "bad" });
    }
    await refresh();
    cards.focus();
  });
}

/**
 * The one press that analyses what is left of the case. What it begins is seen on the cards.
 * @param {HTMLElement} cards
 * @param {() => Promise<unknown>} refresh
 */
export function installAnalyse(cards, refresh) {
  cards.addEventListener("click", async (event) => {
    const button = /** @type {HTMLButtonElement|null} */ (/** @type {Element} */ (event.target).closest("[data-analyse]"));
    if (!button) return;
    button.disabled = true;
    try {
      const { analyses } = await post(button.dataset.analyse ?? "");
      toast(`${analyses.length === 1 ? "1 analysis" : `${analyses.length} analyses`} asked for`, { kind: "yes" });
    } catch (error) {
      toast(/** @type {Error} */ (error).message, { kind: "bad" });
    }
    await refresh(); // after a refusal too: somebody else may have pressed it
    cards.focus({ preventScroll: true }); // the button is gone, and the keyboard goes on here
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

/**
 * The other slides of the case that lack a size, those of the same scanner chosen.
 * @param {HTMLElement} dialog @param {HTMLElement} cards @param {HTMLElement} card
 */
function fillOthers(dialog, cards, card) {
  const scanner = card.dataset.scanner ?? "";
  const lacking = /** @type {HTMLElement[]} */ ([...cards.querySelectorAll("[data-lacks-size]")]).filter((other) => other !== card);
  const rows = lacking.map((other) => {
    const checked = Boolean(scanner) && other.dataset.scanner === scanner;
    const box = el("input", { type: "checkbox", name: "slides", value: other.dataset.slide ?? "", checked });
    const name = el("span", { text: one("h3", other).textContent ?? "" });
    return el(
      "label",
      { class: "row" },
      box,
      name,
      el("small", { class: "third", text: other.dataset.scanner || "scanner not named" }),
    );
  });
  one("[data-others]", dialog).replaceChildren(...rows);
  one("[data-also]", dialog).hidden = !rows.length;
  one("[data-keep]", dialog).hidden = !scanner;
  one("[data-scanner-name]", dialog).textContent = scanner;
}

/** @param {HTMLElement} dialog */
function showWay(dialog) {
  const way = /** @type {HTMLInputElement} */ (one("[name=how]:checked", dialog)).value;
  const parts = /** @type {NodeListOf<HTMLElement>} */ (dialog.querySelectorAll("[data-how]"));
  for (const part of parts) part.hidden = part.getAttribute("data-how") !== way;
}

/** @param {HTMLFormElement} form */
function sizeValues(form) {
  const number = (/** @type {string} */ name) => numberIn(form, name);
  const how = { note: field(form, "note"), keep_for_scanner: field(form, "keep_for_scanner") === "on" };
  if (field(form, "how") === "length") return { length_um: number("length_um"), length_px: number("length_px"), ...how };
  return { mpp_x: number("mpp_x"), mpp_y: number(field(form, "mpp_y") ? "mpp_y" : "mpp_x"), ...how };
}

/** With a decimal comma too. @param {HTMLFormElement} form @param {string} name */
function numberIn(form, name) {
  const text = field(form, name).replace(",", ".");
  if (text && Number.isFinite(Number(text))) return text;
  const input = /** @type {HTMLInputElement} */ (one(`[name=${name}]`, form));
  input.focus();
  throw new Error(`${input.labels?.[0]?.textContent}: a number is needed`);
}

/** @param {HTMLFormElement} form @param {string} name */
const field = (form, name) => String(new FormData(form).get(name) ?? "").trim();

/**
 * @param {HTMLDialogElement} dialog
 * @param {() => Promise<unknown>} refresh
 * @param {(form: HTMLFormElement) => Promise<unknown>} ask
 */
function send(dialog, refresh, ask) {
  const form = /** @type {HTMLFormElement} */ (one("form", dialog));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await ask(form);
      dialog.close();
      await refresh();
    } catch (error) {
      one("[data-error]", dialog).textContent = /** @type {Error} */ (error).message;
    }
  });
}
