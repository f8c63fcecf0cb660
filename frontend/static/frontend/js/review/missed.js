/** What may be missed, above the list of what lies below the threshold: how much is there, the audit, and what it says. */

import { askInTurn, get, post } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { area, plural } from "../lib/format.js";
import { toast } from "../lib/toast.js";
import { uuid4 } from "../lib/uuid.js";
import { AUDIT_FIELDS, chosenField } from "../viewer/walk/walk.js";

/**
 * @typedef {import("../viewer/walk/walk.js").Sample & {is_of_region: boolean}} Sample
 * @typedef {{reader: import("./types.js").Reader, strip: {detection: number, probability: number, window: string}[], strip_left: number, sample: Sample|null,
 *   estimate: {sentence: string, fields: number, fields_looked: number}|null}} Missed the server's
 * @typedef {{base: string, mayWalk: boolean, count: import("./count.js").CountModel, review: import("./review.js").Review, store: import("./store.js").ReviewStore,
 *   audit: (sample: Sample) => void, shown: (shows: boolean) => void}} Parts
 */

const SETTLE_MS = 300;
const BUSY_MS = 1500;

export class MissedPart {
  /** @type {Missed|null} */
  missed = null;
  #timer = 0;
  #askedFor = "";

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    this.strip = el("p");
    this.result = el("p", { class: "second" });
    this.walked = el("p");
    // Not offered before it is known what was drawn.
    this.look = el("button", { type: "button", class: "btn small", hidden: true, onclick: () => this.#audit() });
    this.anew = el("button", {
      type: "button",
      class: "btn ghost small",
      hidden: true,
      onclick: () => this.#draw(),
      text: "Draw anew",
    });
    this.element = el(
      "div",
      { class: "missed", hidden: true },
      // First, so that a low window cuts the words and not what can be done.
      el("div", { class: "row" }, this.look, this.anew),
      this.result,
      this.strip,
      this.walked,
    );
  }

  /** With each change of what is shown. @param {boolean} shows */
  update(shows) {
    this.element.hidden = !shows;
    this.parts.shown(shows);
    if (!shows) return;
    this.#write();
    const asked = `${this.parts.store.revision} ${this.parts.count.query}`;
    if (asked === this.#askedFor) return;
    this.#askedFor = asked;
    this.#askIn(SETTLE_MS);
  }

  /** @param {number} ms */
  #askIn(ms) {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#ask(), ms);
  }

  async #ask() {
    const { base, count, store } = this.parts;
    try {
      this.#take(
        await askInTurn(
          () => get(`${base}missed/?${count.query}`),
          () => this.#wait(),
        ),
      );
      const field = chosenField(store.me.id);
      this.#tellWalk(await get(`${base}walk/?${count.query}${field && `&field_um=${field}`}`));
    } catch (error) {
      const problem = /** @type {import("../lib/api.js").ApiError} */ (error);
      if (problem.status === undefined) throw error;
      if (problem.passing) this.#askIn(BUSY_MS);
      else this.walked.textContent = problem.message;
    }
  }

  /** What is shown stays until then. */
  #wait() {
    if (!this.missed) this.strip.textContent = "The region is being counted; what may be missed is told then.";
  }

  /** @param {Missed} missed */
  #take(missed) {
    this.missed = missed;
    this.parts.review.setStrip(missed.strip.map(({ detection }) => `d${detection}`));
    this.#write();
  }

  /** @param {import("../viewer/walk/walk.js").Told} told */
  #tellWalk({ fields, fields_looked: looked, coverage }) {
    const share = `${Math.floor(coverage.share * 100)} % of ${area(coverage.area_mm2)}`;
    this.walked.textContent =
      looked || coverage.looked_mm2 ? `Walked: ${looked} of ${plural(fields.length, "field")}, ${share}.` : "";
  }

  async #audit() {
    const sample = this.missed?.sample;
    if (sample?.is_of_region && sample.fields_looked < sample.fields.length) this.parts.audit(sample);
    else await this.#draw();
  }

  async #draw() {
    const { base, count, store } = this.parts;
    const field = chosenField(store.me.id);
    const size = field ? { field_um: Number(field) } : {};
    try {
      const drawn = { id: uuid4(), ...size };
      this.#take(
        await askInTurn(
          () => post(`${base}missed/?region=${count.where}`, drawn),
          () => this.#wait(),
        ),
      );
      if (this.missed?.sample) this.parts.audit(this.missed.sample);
    } catch (error) {
      const problem = /** @type {import("../lib/api.js").ApiError} */ (error);
      if (problem.status === undefined) throw error;
      toast(`No fields were drawn: ${problem.message}`, { kind: "bad" });
    }
  }

  #write() {
    const { missed } = this;
    if (!missed) return;
    const { sample, estimate } = missed;
    this.strip.textContent = missed.strip_left
      ? `${plural(missed.strip_left, "place")} below the threshold not judged in the regions that matter; they come first.`
      : "Nothing below the threshold is left to judge in the regions that matter.";
    const elsewhere = sample && !sample.is_of_region ? " It is of another region than the one shown." : "";
    this.result.textContent = estimate
      ? estimate.sentence + elsewhere
      : "No audit yet: a random sample of fields without marks tells how much is missed.";
    const left = sample?.is_of_region ? sample.fields.length - sample.fields_looked : AUDIT_FIELDS;
    const goesOn = Boolean(sample?.is_of_region && sample.fields_looked);
    this.look.textContent = goesOn
      ? `Audit: look at ${plural(Math.min(AUDIT_FIELDS, left), "more field", "more fields")}`
      : `Audit: look at ${plural(Math.min(AUDIT_FIELDS, left), "field")} without marks`;
    this.look.hidden = !this.parts.mayWalk || left === 0;
    this.anew.hidden = !this.parts.mayWalk || !sample;
  }
}
