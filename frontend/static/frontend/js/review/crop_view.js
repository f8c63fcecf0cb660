/** The crop at about 64 µm with ticks at its four sides, Grad-CAM beside and over it, 256 µm around. */

import { el, icon, svg } from "../lib/dom.js";
import { paint, PATCH_UM } from "./gradcam.js";

/** @typedef {import("./types.js").Item} Item */
/** @typedef {import("./gradcam.js").Which} Which */

const BAR_UM = 10;
const MINI_PX = 272;
const ASK_AGAIN_MS = 2000;
const WORDS = /** @type {Record<Which, string>} */ ({ mitosis: "for mitosis", other: "for not mitosis" });

export class CropView {
  /**
   * @param {import("./crops.js").Crops} crops
   * @param {import("./gradcam.js").Explanations} explanations
   * @param {boolean} mayAsk whether this role may have maps made
   */
  constructor(crops, explanations, mayAsk) {
    this.crops = crops;
    this.explanations = explanations;
    this.mayAsk = mayAsk;
    /** @type {Item|null} */
    this.item = null;
    this.over = false;
    /** @type {Which} */
    this.which = "mitosis";
    this.timer = 0;
    this.bar = svg("svg", { width: 42, height: 6, viewBox: "0 0 42 6", preserveAspectRatio: "none" });
    this.image = /** @type {HTMLImageElement} */ (el("img", { alt: "" }));
    this.overlay = /** @type {HTMLCanvasElement} */ (el("canvas", { width: 560, height: 560, hidden: true }));
    this.crop = el("div", { class: "crop" }, this.image, this.overlay, el("i"), el("i"), el("i"), el("i"), this.#bar());
    this.mini = el("button", { type: "button", "aria-pressed": "false", onclick: () => this.#pressMini() });
    this.caption = el("button", {
      type: "button",
      onclick: () => this.#switchClass(),
      "data-tip": "Scaled per picture: not comparable. Click for the other class",
    });
    this.around = /** @type {HTMLImageElement} */ (el("img", { alt: "" }));
    const um = crops.nearUm;
    if (um !== null)
      new ResizeObserver(() => this.bar.setAttribute("width", String((this.crop.clientWidth * BAR_UM) / um))).observe(this.crop);
    this.element = el(
      "div",
      { class: "r-crop" },
      this.crop,
      el(
        "div",
        { class: "minis" },
        el("div", { class: "mini" }, this.mini, el("p", {}, this.caption, el("kbd", { text: "g" }))),
        el(
          "div",
          { class: "mini" },
          el("div", { class: "frame" }, this.around, el("span", { class: "box" })),
          el("p", { text: um !== null ? "256 µm around" : "1024 px around" }),
        ),
      ),
    );
  }

  #bar() {
    if (this.crops.nearUm === null) return null;
    this.bar.append(svg("path", { d: "M.5 0V5H41.5V0", "vector-effect": "non-scaling-stroke" }));
    return el("div", { class: "bar" }, this.bar, `${BAR_UM} µm`);
  }

  /** @param {Item} item */
  show(item) {
    const same = this.item?.key === item.key && this.item?.explained === item.explained;
    this.item = item;
    if (same) return;
    clearTimeout(this.timer);
    this.image = put(this.image, this.crops.image(item, "near"), `Crop of ${item.name}`);
    this.around = put(this.around, this.crops.image(item, "around"), `Surroundings of ${item.name}`);
    this.overlay.hidden = true;
    this.#explain(false);
  }

  /** `g`: over the crop and back. */
  toggle() {
    this.over = !this.over;
    this.#explain(false);
  }

  #switchClass() {
    this.which = this.which === "mitosis" ? "other" : "mitosis";
    this.#explain(false);
  }

  #pressMini() {
    if (this.mini.dataset.state === "none") this.#ask();
    else this.toggle();
  }

  /** @param {boolean} fresh ask the server again for one that was not ready */
  async #explain(fresh) {
    const { item } = this;
    this.caption.textContent = `Grad-CAM`;
    this.caption.title = WORDS[this.which];
    if (!item || item.kind === "figure") {
      this.#say("none-here", "none for figures added by hand");
      return;
    }
    try {
      const found = await this.explanations.load(Number(item.id), fresh || item.explained);
      if (this.item?.key !== item.key) return;
      if (found.state === "ready") await this.#paint(item, /** @type {string} */ (found[this.which]));
      else if (found.state === "queued") this.#wait();
      else this.#say("none", found.message || (this.mayAsk ? "not made yet" : "not made"), this.mayAsk ? "Make it" : "");
    } catch (error) {
      if (/** @type {{status?: number}} */ (error).status === undefined) throw error;
      if (this.item?.key === item.key) this.#say("lost", "no answer");
    }
  }

  /** @param {Item} item @param {string} url */
  async #paint(item, url) {
    const crop = this.crops.image(item, "near");
    const [map] = await Promise.all([this.explanations.map(url), crop.decode()]);
    if (this.item?.key !== item.key) return;
    const part = PATCH_UM / (this.crops.nearUm ?? 64);
    const mini = /** @type {HTMLCanvasElement} */ (el("canvas", { width: MINI_PX, height: MINI_PX }));
    paint(mini, crop, map, part, 1 / part / 1.15);
    this.mini.replaceChildren(mini);
    this.mini.dataset.state = "ready";
    this.mini.setAttribute("aria-label", `Grad-CAM ${WORDS[this.which]}, over the crop`);
    this.mini.setAttribute("aria-pressed", String(this.over));
    this.mini.removeAttribute("disabled");
    this.caption.textContent = this.which === "mitosis" ? "Grad-CAM" : "…for not mitosis";
    this.overlay.hidden = !this.over;
    if (this.over) paint(this.overlay, crop, map, part, 1);
  }

  async #ask() {
    const { item } = this;
    if (!item) return;
    this.#say("queued", "asked for");
    await this.explanations.make(Number(item.id));
    this.#wait();
  }

  #wait() {
    this.#say("queued", "being made");
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.#explain(true), ASK_AGAIN_MS);
  }

  /** @param {string} state @param {string} text @param {string} [action] */
  #say(state, text, action = "") {
    this.overlay.hidden = true;
    this.mini.dataset.state = state;
    this.mini.setAttribute("aria-pressed", "false");
    this.mini.toggleAttribute("disabled", state !== "none" || !this.mayAsk);
    this.mini.replaceChildren(
      el(
        "span",
        {},
        el("span", { class: "visually-hidden", text: "Grad-CAM: " }),
        state === "queued" ? icon("loader") : "",
        text,
        action && " ",
        action && el("br"),
        action && el("b", { class: "accent", text: action }),
      ),
    );
    this.mini.removeAttribute("aria-label");
  }
}

/** The picture that was loaded ahead takes the other's place, drawn already; until one has come nothing stands there, never the
 * cell before it. @param {HTMLImageElement} shown @param {HTMLImageElement} image @param {string} alt */
function put(shown, image, alt) {
  image.alt = alt;
  if (shown !== image) shown.replaceWith(image);
  return image;
}
