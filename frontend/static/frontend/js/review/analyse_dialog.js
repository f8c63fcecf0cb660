/** "Analyse…": where, model, mode, normaliser. */

import { post } from "../lib/api.js";
import { el, icon } from "../lib/dom.js";
import { area } from "../lib/format.js";
import { uuid4 } from "../lib/uuid.js";
import { areaOf } from "../viewer/geometry.js";

/** @typedef {import("../viewer/types.js").ViewerData} ViewerData */

const MODE_WORDS = /** @type {Record<string, string>} */ ({ candidates: "Candidates", grid: "Grid" });
const TILE_UM = 256; // 1,024 px at 0.25 µm/px

/**
 * @param {HTMLDialogElement} dialog
 * @param {ViewerData} data
 * @returns {() => void} opens it
 */
export function installAnalyseDialog(dialog, data) {
  const key = uuid4(); // one per page: a double click starts one analysis
  return () => {
    dialog.replaceChildren(form(data, key));
    dialog.showModal();
    /** @type {HTMLElement|null} */ (dialog.querySelector("button.primary"))?.focus();
  };
}

/** A normaliser as people write it: `stainnet:midog-cs2` is StainNet's profile of one scanner. @param {string} name */
function normaliserWords(name) {
  const [method, profile] = name.split(":");
  const words = method === "stainnet" ? "StainNet" : method[0].toUpperCase() + method.slice(1);
  return profile ? `${words}, profile ${profile}` : words;
}

/** @param {ViewerData} data @param {string} key */
function form(data, key) {
  const { slide, regions, models, normalisers, modes } = data;
  const where = /** @type {HTMLSelectElement} */ (
    el(
      "select",
      { id: "analyse-where", name: "where", onchange: () => tellExtent() },
      el("option", { value: "", text: "Whole slide" }),
      ...regions.map(({ id, name }) => el("option", { value: id, text: name })),
    )
  );
  const hint = el("span", { class: "hint" });
  const tellExtent = () => {
    const region = regions.find(({ id }) => id === where.value);
    hint.textContent = region ? regionExtent(slide, region.polygon) : `${wholeExtent(slide)}, ${data.estimate}`;
  };
  tellExtent();
  const mode = segmented(
    "mode",
    modes.map(({ value, label }) => [value, MODE_WORDS[value] ?? label]),
  );
  const model = el(
    "select",
    { id: "analyse-model", name: "model" },
    ...models.map(({ id, name, threshold, active }) =>
      el("option", { value: id, text: `${name}${active ? ", active" : ""}, ${threshold.toFixed(2)}`, selected: active }),
    ),
  );
  const normaliser = el(
    "select",
    { id: "analyse-normaliser", name: "normaliser" },
    el("option", { value: "", text: "The model's own" }),
    ...normalisers.map((name) => el("option", { value: name, text: normaliserWords(name) })),
  );
  const none = models.length === 0;
  const error = el("p", {
    class: "form-errors",
    role: "alert",
    hidden: !none,
    text: none ? "No model is in use here: an administrator adds and activates one." : "",
  });
  const go = /** @type {HTMLButtonElement} */ (
    el("button", { class: "btn primary", type: "submit", disabled: none }, "Analyse", el("kbd", { text: "Enter" }))
  );
  const box = /** @type {HTMLFormElement} */ (
    el(
      "form",
      { method: "dialog" },
      el(
        "header",
        {},
        el("span", { id: "analyse-title", text: `Analyse ${slide.label}` }),
        el(
          "button",
          { type: "button", class: "btn ghost small icon-only", "data-close-dialog": true, "aria-label": "Close" },
          icon("x"),
        ),
      ),
      el(
        "div",
        { class: "body" },
        line("Where", where, "analyse-where"),
        line("Model", model, "analyse-model"),
        line("Mode", mode),
        line("Normaliser", normaliser, "analyse-normaliser"),
        error,
      ),
      el("footer", {}, hint, el("button", { type: "button", class: "btn ghost", "data-close-dialog": true, text: "Cancel" }), go),
    )
  );
  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    const chosen = new FormData(box);
    try {
      const started = await post(`${data.api}analyses/`, {
        slide: slide.id,
        region: chosen.get("where") || null,
        model: chosen.get("model"),
        mode: chosen.get("mode"),
        normaliser: chosen.get("normaliser") || null,
        idempotency_key: key,
      });
      location.assign(`${location.pathname}?analysis=${started.id}${location.hash}`);
    } catch (problem) {
      go.disabled = false;
      error.hidden = false;
      error.textContent = /** @type {Error} */ (problem).message;
    }
  });
  return box;
}

/** @param {string} label @param {HTMLElement} control @param {string} [id] */
const line = (label, control, id) => el("div", { class: "line" }, el("label", { for: id, text: label }), control);

/** @param {string} name @param {[string, string][]} choices */
function segmented(name, choices) {
  return el(
    "div",
    { class: "segmented", role: "radiogroup", "aria-label": name },
    ...choices.map(([value, label], index) =>
      el("label", {}, el("input", { type: "radio", name, value, checked: index === 0 }), label),
    ),
  );
}

/** @typedef {{width: number, height: number, mpp_x: number|null, mpp_y: number|null}} Extent */

/** @param {Extent} slide @param {import("../viewer/geometry.js").Point[]} polygon */
function regionExtent({ mpp_x: x, mpp_y: y }, polygon) {
  if (!x || !y) return "The slide has no pixel size";
  return `The region alone: ${area((areaOf(polygon) * x * y) / 1e6)} outlined`;
}

/** @param {Extent} slide */
function wholeExtent({ width, height, mpp_x: x, mpp_y: y }) {
  if (!x || !y) return "The slide has no pixel size";
  const tiles = Math.ceil((width * x) / TILE_UM) * Math.ceil((height * y) / TILE_UM);
  return `The whole slide: at most ${tiles} tiles`;
}
