/** The bar of the field walk: how far it is, how large the field is, back and on. */

import { el, icon } from "../../lib/dom.js";
import { plural } from "../../lib/format.js";

const SOURCES = { asked: "your field", protocol: "protocol’s", usual: "usual size" };
export const [LEAST_UM, MOST_UM] = [100, 2000];

export class WalkBar {
  /** @param {HTMLElement} host @param {{next: () => void, previous: () => void, leave: () => void, resize: (field_um: number) => void}} presses */
  constructor(host, presses) {
    this.host = host;
    this.title = el("b");
    this.progress = el("output", { class: "num walk-progress", "aria-live": "polite" });
    this.size = /** @type {HTMLInputElement} */ (
      el("input", {
        type: "number",
        id: "walk-field",
        min: LEAST_UM,
        max: MOST_UM,
        step: 1,
        onchange: () => this.size.reportValidity() && presses.resize(this.size.valueAsNumber),
      })
    );
    this.source = el("span", { class: "caption" });
    this.sizing = el("label", { class: "row walk-size", for: "walk-field" }, "Field", this.size, "µm", this.source);
    this.back = this.#button("Field before", "Shift Space", "chevron-left", presses.previous);
    this.on = el(
      "button",
      { type: "button", class: "btn primary small", onclick: presses.next },
      "Next field",
      el("kbd", { text: "Space" }),
    );
    host.replaceChildren(
      this.title,
      this.progress,
      this.sizing,
      el("span", { class: "push" }),
      this.back,
      this.on,
      el("button", { type: "button", class: "btn ghost small", onclick: presses.leave }, "End", el("kbd", { text: "Esc" })),
    );
  }

  /** @param {string} word @param {string} key @param {string} image @param {() => void} run */
  #button(word, key, image, run) {
    const names = { "aria-label": word, "data-tip": word, "data-tip-key": key };
    return el("button", { type: "button", class: "btn ghost small icon-only", ...names, onclick: run }, icon(image));
  }

  /**
   * @param {{kind: "walk"|"audit", looked: number, fields: number, share: number|null, field_um: number, source: keyof typeof SOURCES, index: number, isDone: boolean}} standing
   */
  update({ kind, looked, fields, share, field_um, source, index, isDone }) {
    this.title.textContent = kind === "walk" ? "Field walk" : "Audit";
    const part = share === null ? "" : `, ${Math.floor(share * 100)} %`;
    this.progress.textContent = `${looked} of ${plural(fields, "field")}${part}`;
    this.sizing.hidden = kind === "audit";
    if (document.activeElement !== this.size) this.size.value = String(Math.round(field_um));
    this.source.textContent = SOURCES[source];
    this.back.toggleAttribute("disabled", index === 0);
    this.on.toggleAttribute("disabled", isDone);
  }
}
