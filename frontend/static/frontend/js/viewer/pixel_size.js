/** The pixel size of a slide, by four ways: a known length drawn on it, the optics, the scanner's default, or typed in. */

import { request } from "../lib/api.js";
import { el, icon, showDialog } from "../lib/dom.js";
import { whole } from "../lib/format.js";

/**
 * @typedef {"length"|"optics"|"scanner"|"typed"} Way
 * @typedef {{id: string, label: string, mpp_x: number|null, mpp_y: number|null, scanner: string, objective: number|null,
 *   scanner_default: {mpp_x: number, mpp_y: number}|null}} Slide
 */

const LENGTHS_UM = /** @type {Record<string, number>} */ ({ µm: 1, mm: 1000 });
const WORDS = /** @type {Record<Way, string>} */ ({
  length: "Known length",
  optics: "Optics",
  scanner: "Scanner",
  typed: "Typed in",
});

export class PixelSizeDialog {
  /** @type {Way} */
  way = "length";
  /** Drawn on the slide. @type {number|null} */
  drawn_px = null;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {string} api
   * @param {Slide} slide
   * @param {{draw: (done: (length_px: number) => void) => void, closed: () => void, saved: () => void}} actions
   */
  constructor(dialog, api, slide, { draw, closed, saved }) {
    this.dialog = dialog;
    this.slide = slide;
    this.url = `${api}slides/${slide.id}/`;
    this.saved = saved;
    this.draw = draw;
    /** @type {Map<string, HTMLInputElement>} */
    this.fields = new Map();
    this.unit = /** @type {HTMLSelectElement} */ (
      el(
        "select",
        { "aria-label": "Unit of the length", onchange: () => this.#tell() },
        ...Object.keys(LENGTHS_UM).map((unit) => el("option", { text: unit })),
      )
    );
    this.result = el("p", { class: "result", role: "status" });
    this.error = el("p", { class: "form-errors", role: "alert", hidden: true });
    this.keep = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox", id: "keep-for-scanner" }));
    this.bodies = this.#bodies();
    this.form = this.#form();
    dialog.replaceChildren(this.form);
    dialog.addEventListener("close", closed);
  }

  open() {
    this.error.hidden = true;
    this.#choose(this.way);
    showDialog(this.dialog);
  }

  /** @param {string} name @param {string} label @param {string} unit @param {Record<string, unknown>} [more] */
  #field(name, label, unit, more = {}) {
    const input = /** @type {HTMLInputElement} */ (
      el("input", { id: `size-${name}`, type: "number", step: "any", min: "0", oninput: () => this.#tell(), ...more })
    );
    this.fields.set(name, input);
    return el(
      "div",
      { class: "line" },
      el("label", { for: `size-${name}`, text: label }),
      el("span", { class: "row" }, input, el("span", { class: "third nowrap", text: unit })),
    );
  }

  /** @returns {Record<Way, HTMLElement>} */
  #bodies() {
    const { slide } = this;
    const length = this.#field("length", "Its length", "");
    length.querySelector(".third")?.replaceWith(this.unit);
    const known = slide.scanner_default;
    return {
      length: el(
        "div",
        { class: "stack" },
        el("p", {
          class: "second",
          text: "Draw over something whose length you know: a scale bar, a ruled slide, a counting grid.",
        }),
        el("button", { type: "button", class: "btn", onclick: () => this.#draw() }, icon("ruler"), "Draw on the slide…"),
        this.#field("px", "Line", "px of the slide", { placeholder: "draw, or type" }),
        length,
      ),
      optics: el(
        "div",
        { class: "stack" },
        this.#field("camera", "Camera", "µm pixel pitch", { placeholder: "3.45" }),
        this.#field("objective", "Objective", "×", { placeholder: "20", value: slide.objective ?? undefined }),
        this.#field("tube", "Tube, adapter", "×", { value: "1" }),
        el("p", { class: "caption", text: "The pitch stands in the camera's data sheet; with binning, multiply it." }),
      ),
      scanner: el(
        "div",
        { class: "stack" },
        el("p", {
          text: known
            ? `Your team keeps ${sizeWords(known.mpp_x, known.mpp_y)} for ${slide.scanner}.`
            : slide.scanner
              ? `Your team keeps no pixel size for ${slide.scanner} yet. Find it by another way and keep it there.`
              : "The file does not name its scanner, so no default can be kept or used.",
        }),
      ),
      typed: el(
        "div",
        { class: "stack" },
        this.#field("mpp_x", "Across", "µm/px", { placeholder: "0.25" }),
        this.#field("mpp_y", "Down", "µm/px", { placeholder: "the same" }),
        el("p", { class: "caption", text: "0.25 stands for a 40× scan, 0.5 for 20×." }),
      ),
    };
  }

  #form() {
    const { slide } = this;
    const close = el(
      "button",
      { type: "button", class: "btn ghost small icon-only", "data-close-dialog": true, "aria-label": "Close" },
      icon("x"),
    );
    this.radios = /** @type {Way[]} */ (Object.keys(WORDS)).map((way) => {
      const radio = /** @type {HTMLInputElement} */ (
        el("input", { type: "radio", name: "way", value: way, onchange: () => this.#choose(way) })
      );
      return el("label", {}, radio, WORDS[way]);
    });
    this.keepLine = el("label", { class: "row", for: "keep-for-scanner" }, this.keep, `Keep as the default of ${slide.scanner}`);
    this.note = /** @type {HTMLInputElement} */ (
      el("input", { id: "size-note", type: "text", maxlength: 120, autocomplete: "off", placeholder: "how it is known" })
    );
    return el(
      "form",
      { method: "dialog", onsubmit: (/** @type {Event} */ event) => this.#send(event) },
      el("header", {}, el("span", { id: "pixel-size-title", text: `Pixel size of ${slide.label}` }), close),
      el(
        "div",
        { class: "body" },
        el("div", { class: "segmented fill", role: "radiogroup", "aria-label": "How it is known" }, ...this.radios),
        ...Object.values(this.bodies),
        el("div", { class: "line" }, el("label", { for: "size-note", text: "Note" }), this.note),
        slide.scanner ? this.keepLine : null,
        this.result,
        this.error,
      ),
      el(
        "footer",
        {},
        el("span", { class: "hint", text: "Kept with its source and your name" }),
        el("button", { type: "button", class: "btn ghost", "data-close-dialog": true, text: "Cancel" }),
        el("button", { class: "btn primary", type: "submit", text: "Set" }),
      ),
    );
  }

  /** @param {Way} way */
  #choose(way) {
    this.way = way;
    for (const [name, body] of Object.entries(this.bodies)) body.hidden = name !== way;
    for (const label of this.radios ?? []) {
      const radio = /** @type {HTMLInputElement} */ (label.firstElementChild);
      radio.checked = radio.value === way;
    }
    if (this.keepLine) this.keepLine.hidden = way === "scanner";
    this.#tell();
  }

  #draw() {
    this.dialog.close();
    this.draw((length_px) => {
      this.drawn_px = length_px;
      /** @type {HTMLInputElement} */ (this.fields.get("px")).value = length_px.toFixed(1);
      this.open();
      this.fields.get("length")?.focus();
    });
  }

  /** @param {string} name */
  #number(name) {
    const field = /** @type {HTMLInputElement} */ (this.fields.get(name));
    return field.value === "" ? null : Number(field.value);
  }

  /** What the numbers give, and how sure that is: an end of the line is placed to about a pixel. */
  #tell() {
    const { way } = this;
    let words = "";
    const [px, length] = [this.#number("px"), this.#number("length")];
    const [camera, objective, tube] = [this.#number("camera"), this.#number("objective"), this.#number("tube") ?? 1];
    if (way === "length" && px && length)
      words = `${sizeWords((length * LENGTHS_UM[this.unit.value]) / px)}; a pixel more or less at the ends is ${((100 * Math.SQRT2) / px).toPrecision(1)} %`;
    else if (way === "length" && px) words = `Line of ${whole(px)} px`;
    else if (way === "optics" && camera && objective && tube) words = sizeWords(camera / (objective * tube));
    this.result.textContent = words;
    this.result.hidden = !words;
  }

  #change() {
    const { way } = this;
    if (way === "scanner") return { from_scanner: true };
    if (way === "length")
      return { length_um: (this.#number("length") ?? 0) * LENGTHS_UM[this.unit.value], length_px: this.#number("px") ?? 0 };
    if (way === "optics")
      return { camera_um: this.#number("camera") ?? 0, objective: this.#number("objective") ?? 0, tube: this.#number("tube") ?? 1 };
    const [x, y] = [this.#number("mpp_x") ?? 0, this.#number("mpp_y")];
    return { mpp_x: x, mpp_y: y ?? x };
  }

  /** @param {Event} event */
  async #send(event) {
    event.preventDefault();
    const keep = this.way !== "scanner" && this.keep.checked ? { keep_for_scanner: true } : {};
    try {
      await request("PATCH", this.url, { json: { ...this.#change(), ...keep, note: this.note?.value ?? "" } });
      this.saved();
    } catch (problem) {
      this.error.hidden = false;
      this.error.textContent = /** @type {Error} */ (problem).message;
    }
  }
}

/** @param {number} x @param {number} [y] */
const sizeWords = (x, y = x) => (x === y ? `${x.toFixed(4)} µm/px` : `${x.toFixed(4)} by ${y.toFixed(4)} µm/px`);
