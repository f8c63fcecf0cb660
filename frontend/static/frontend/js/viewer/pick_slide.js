/** Choosing a slide to lay beside this one: those of the case, or of any case that is found by its words. */

import { get } from "../lib/api.js";
import { el, icon, showDialog } from "../lib/dom.js";

const WAIT_MS = 250;
const MOST_CASES = 8;

/** @typedef {{id: string, label: string, state: string, thumbnail_url: string}} Choice */

/**
 * @param {HTMLDialogElement} dialog
 * @param {{api: string, accession: string, slides: Choice[]}} data slides: of the case
 * @param {(id: string) => void} choose
 */
export function pickSlide(dialog, { api, accession, slides }, choose) {
  const list = el("div", { class: "picks" });
  const row = (/** @type {Choice} */ slide) =>
    el(
      "button",
      { type: "button", onclick: () => choose(slide.id) },
      el("img", { src: slide.thumbnail_url, alt: "", width: 44, height: 32, loading: "lazy" }),
      el("span", { class: "ellipsis", text: slide.label }),
    );
  const group = (/** @type {string} */ title, /** @type {Choice[]} */ found) => [
    el("h2", { text: title }),
    ...(found.length ? found.map(row) : [el("p", { class: "caption", text: "No other slide is ready." })]),
  ];
  const showOwn = () =>
    list.replaceChildren(
      ...group(
        accession,
        slides.filter(({ state }) => state === "ready"),
      ),
    );
  const find = async (/** @type {string} */ words) => {
    const cases = (await get(`${api}cases/?q=${encodeURIComponent(words)}`)).results.slice(0, MOST_CASES);
    const found = await Promise.all(
      cases.map(async (/** @type {{id: string, accession: string}} */ one) => ({
        accession: one.accession,
        slides: (await get(`${api}slides/?case=${one.id}&state=ready`)).results,
      })),
    );
    list.replaceChildren(
      ...found.flatMap((one) =>
        group(
          one.accession,
          one.slides.map((/** @type {Omit<Choice, "thumbnail_url">} */ slide) => ({
            ...slide,
            thumbnail_url: `${api}slides/${slide.id}/thumbnail.jpeg`,
          })),
        ),
      ),
      ...(found.length ? [] : [el("p", { class: "caption", text: "No case with these words." })]),
    );
  };
  let timer = 0;
  const search = /** @type {HTMLInputElement} */ (
    el("input", { type: "search", "aria-label": "Search all cases", placeholder: "Search all cases", autocomplete: "off" })
  );
  search.addEventListener("input", () => {
    clearTimeout(timer);
    const words = search.value.trim();
    if (!words) showOwn();
    else
      timer = window.setTimeout(
        () =>
          find(words).catch((/** @type {Error} */ error) =>
            list.replaceChildren(el("p", { class: "bad", text: `The search failed: ${error.message}.` })),
          ),
        WAIT_MS,
      );
  });
  const close = el(
    "button",
    { type: "button", class: "btn ghost small icon-only", "data-close-dialog": true, "aria-label": "Close" },
    icon("x"),
  );
  dialog.replaceChildren(
    el("header", {}, el("span", { id: "pick-title", text: "Lay beside" }), close),
    el("div", { class: "body" }, el("div", { class: "search" }, icon("search"), search), list),
  );
  showOwn();
  showDialog(dialog);
}
