/** The bar of the drawing tool, above the slide: how to draw, how wide, back and forth, how large it is, and Save. */

import { el, icon } from "../../lib/dom.js";
import { drawnArea, length } from "../../lib/format.js";

/** @typedef {"polygon"|"freehand"|"brush"|"edit"|"region"} Way */
/**
 * @typedef {{use: (way: Way) => void, toggleRemoving: () => void, resize: (by: number) => void, undo: () => void, redo: () => void,
 *   leave: () => void, save: () => void}} Presses
 * @typedef {{way: Way, removes: boolean, diameter_um: number, hasSize: boolean, canUndo: boolean, canRedo: boolean, canSave: boolean,
 *   saves: boolean, area_um2: number, movable: string|null}} Standing
 */

/** @type {[Way, string, string, string][]} the way, its key, its word, its icon */
export const WAYS = [
  ["polygon", "p", "Corners", "pentagon"],
  ["freehand", "f", "Freehand", "lasso"],
  ["brush", "b", "Brush", "paintbrush"],
  ["edit", "e", "Edit", "spline"],
];

export class DrawBar {
  /** @param {HTMLElement} host @param {Presses} presses */
  constructor(host, presses) {
    this.host = host;
    this.ways = new Map(
      [...WAYS, /** @type {[Way, string, string, string]} */ (["region", "o", "Move the region", "move"])].map(
        ([way, key, word, image]) => [
          way,
          el(
            "button",
            {
              type: "button",
              "aria-pressed": "false",
              "aria-label": word,
              "data-tip": word,
              "data-tip-key": key,
              onclick: () => presses.use(way),
            },
            icon(image),
            el("span", { class: "word", text: way === "region" ? "Region" : word }),
          ),
        ],
      ),
    );
    this.removing = this.#button("eraser", "Remove instead of add", "x", presses.toggleRemoving);
    this.smaller = this.#button("minus", "Smaller brush", "[", () => presses.resize(-1));
    this.larger = this.#button("plus", "Larger brush", "]", () => presses.resize(1));
    this.size = el("output", { class: "num", "aria-label": "Width of the brush" });
    this.brush = el("div", { class: "row draw-size", role: "group", "aria-label": "Brush" }, this.smaller, this.size, this.larger);
    this.undo = this.#button("undo-2", "Undo", "Ctrl Z", presses.undo);
    this.redo = this.#button("redo-2", "Redo", "Ctrl Shift Z", presses.redo);
    this.area = el("output", { class: "num draw-area", "aria-label": "Drawn" });
    this.leave = el("button", { type: "button", class: "btn ghost small", onclick: presses.leave }, "Cancel");
    this.save = el("button", { type: "button", class: "btn primary small", onclick: presses.save }, "Save");
    host.replaceChildren(
      el("div", { class: "segmented", role: "group", "aria-label": "How to draw" }, ...this.ways.values()),
      this.removing,
      this.brush,
      this.undo,
      this.redo,
      this.area,
      el("span", { class: "push" }),
      this.leave,
      this.save,
    );
  }

  /** @param {string} image @param {string} word @param {string} key @param {() => void} run */
  #button(image, word, key, run) {
    return el(
      "button",
      {
        type: "button",
        class: "btn ghost small icon-only",
        "aria-label": word,
        "data-tip": word,
        "data-tip-key": key,
        onclick: run,
      },
      icon(image),
    );
  }

  /** @param {Standing} standing */
  update({ way, removes, diameter_um, hasSize, canUndo, canRedo, canSave, saves, area_um2, movable }) {
    for (const [name, button] of this.ways) button.setAttribute("aria-pressed", String(name === way));
    const region = /** @type {HTMLElement} */ (this.ways.get("region"));
    region.hidden = movable === null;
    if (movable) for (const name of ["aria-label", "data-tip"]) region.setAttribute(name, `Move ${movable}`);
    this.removing.hidden = way === "edit" || way === "region";
    this.removing.setAttribute("aria-pressed", String(removes));
    this.brush.hidden = way !== "brush";
    this.size.textContent = hasSize ? length(diameter_um) : `${Math.round(diameter_um)} px`;
    this.undo.toggleAttribute("disabled", !canUndo);
    this.redo.toggleAttribute("disabled", !canRedo);
    this.save.toggleAttribute("disabled", !canSave || saves);
    this.save.textContent = saves ? "Saving" : way === "region" ? "Keep" : "Save";
    this.area.hidden = way === "region" || !area_um2;
    this.area.textContent = hasSize ? drawnArea(area_um2 / 1e6) : `${(area_um2 / 1e6).toFixed(2)} Mpx`;
  }
}
