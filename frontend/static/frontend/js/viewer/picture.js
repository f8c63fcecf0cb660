/**
 * How the slide's picture is shown to this person: brightness, contrast, gamma, and the normalised view. One curve of an SVG
 * filter over the tiles; marks, crops, analysis and counts are not touched. Kept for the person on this browser.
 */

import { el, icon } from "../lib/dom.js";
import { choice, choose } from "../lib/storage.js";

const STEPS = 33;
/** @type {{name: "brightness"|"contrast"|"gamma", words: string, min: number, max: number, step: number, plain: number}[]} */
const SLIDERS = [
  { name: "brightness", words: "Brightness", min: -40, max: 40, step: 1, plain: 0 },
  { name: "contrast", words: "Contrast", min: -50, max: 50, step: 1, plain: 0 },
  { name: "gamma", words: "Gamma", min: 0.5, max: 2, step: 0.05, plain: 1 },
];

/** @typedef {{brightness: number, contrast: number, gamma: number}} Curve */
const PLAIN = /** @type {Curve} */ ({ brightness: 0, contrast: 0, gamma: 1 });

export class Picture extends EventTarget {
  /** @type {Map<keyof Curve, {input: HTMLInputElement, output: HTMLElement}>} */
  inputs = new Map();

  /**
   * @param {import("./stain.js").StainView[]} stains one for each slide on the page
   * @param {{me: number|string, filter: Element, note: HTMLElement, say: (text: string) => void}} parts
   */
  constructor(stains, { me, filter, note, say }) {
    super();
    this.stains = stains;
    this.filter = filter;
    this.note = note;
    this.say = say;
    this.name = `picture.${me}`;
    this.curve = { ...PLAIN, ...readCurve(choice(this.name, "")) };
    this.controls = this.#controls();
    this.#apply();
    if (choice(`${this.name}.normalised`, "off") === "on") this.normalise(true);
  }

  #controls() {
    const rows = SLIDERS.map(({ name, words, min, max, step }) => {
      const input = /** @type {HTMLInputElement} */ (
        el("input", { type: "range", id: `picture-${name}`, min, max, step, oninput: () => this.set(name, Number(input.value)) })
      );
      const output = el("output", { for: `picture-${name}` });
      this.inputs.set(name, { input, output });
      return el("div", { class: "slider" }, el("label", { for: `picture-${name}`, text: words }), output, input);
    });
    this.box = /** @type {HTMLInputElement} */ (
      el("input", { type: "checkbox", id: "picture-normalised", onchange: () => this.normalise(this.box?.checked ?? false) })
    );
    this.reason = el("p", { class: "warn small", role: "status", hidden: true });
    this.resetButton = el("button", { type: "button", class: "btn small", text: "Reset", onclick: () => this.reset() });
    return el(
      "div",
      { class: "d-body" },
      ...rows,
      this.resetButton,
      el("hr"),
      el(
        "label",
        { class: "row", for: "picture-normalised" },
        this.box,
        "Normalised stain",
        el("kbd", { class: "push", text: "n" }),
      ),
      el("p", {
        class: "caption",
        text: "Haematoxylin and eosin brought to the colours of a reference, from this slide's own overview.",
      }),
      this.reason,
      el("p", { class: "caption", text: "For the eye only: crops, analysis and count keep the slide's own colours." }),
    );
  }

  /** @param {keyof Curve} name @param {number} value */
  set(name, value) {
    this.curve[name] = value;
    choose(this.name, JSON.stringify(this.curve));
    this.#apply();
  }

  reset() {
    this.curve = { ...PLAIN };
    choose(this.name, "");
    this.#apply();
  }

  get plain() {
    return SLIDERS.every(({ name, plain }) => this.curve[name] === plain);
  }

  #apply() {
    const values = tableOf(this.curve);
    for (const channel of this.filter.querySelectorAll("[tableValues]")) channel.setAttribute("tableValues", values);
    for (const { view } of this.stains) view.element.classList.toggle("adjusted", !this.plain);
    for (const [name, { input, output }] of this.inputs) {
      input.value = String(this.curve[name]);
      output.textContent = wordsOf(name, this.curve[name]);
    }
    /** @type {HTMLButtonElement} */ (this.resetButton).disabled = this.plain;
    this.#tell();
  }

  get normalised() {
    return this.stains.some(({ on }) => on);
  }

  toggleNormalised() {
    return this.normalise(!this.normalised);
  }

  /** @param {boolean} wanted */
  async normalise(wanted) {
    const box = /** @type {HTMLInputElement} */ (this.box);
    box.disabled = true;
    const reasons = [];
    for (const stain of this.stains) {
      if (wanted) reasons.push(await stain.show().catch((error) => `${error.message}.`));
      else stain.hide();
    }
    const reason = reasons.find(Boolean) ?? "";
    box.disabled = false;
    box.checked = this.normalised;
    const line = /** @type {HTMLElement} */ (this.reason);
    line.hidden = !reason;
    line.textContent = reason && `Not possible here. ${reason}`;
    if (reason) this.say(line.textContent);
    else choose(`${this.name}.normalised`, wanted ? "on" : "off");
    this.#tell();
  }

  /** What is not the slide's own is named on the canvas. */
  #tell() {
    const parts = [];
    if (this.normalised) parts.push(el("span", {}, icon("contrast"), "Normalised view"));
    if (!this.plain) parts.push(el("span", {}, icon("sliders-horizontal"), "Adjusted"));
    this.note.replaceChildren(...parts);
    this.note.hidden = !parts.length;
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {string} text @returns {Partial<Curve>} what was kept, of it only what is a number in its range */
function readCurve(text) {
  if (!text) return {};
  const values = JSON.parse(text);
  return Object.fromEntries(
    SLIDERS.filter(({ name, min, max }) => values[name] >= min && values[name] <= max).map(({ name }) => [name, values[name]]),
  );
}

/** The curve as the filter's table. @param {Curve} curve */
function tableOf({ brightness, contrast, gamma }) {
  const slope = 1 + contrast / 100;
  return Array.from({ length: STEPS }, (_, i) => {
    const value = ((i / (STEPS - 1)) ** (1 / gamma) - 0.5) * slope + 0.5 + brightness / 100;
    return Math.min(1, Math.max(0, value)).toFixed(4);
  }).join(" ");
}

/** @param {string} name @param {number} value */
function wordsOf(name, value) {
  if (name === "gamma") return value.toFixed(2);
  return value > 0 ? `+${value}` : value < 0 ? `−${-value}` : "0";
}
