/**
 * Walks the lab's field through the region: one key says that the field was looked at and goes on to the next. Goes on beside
 * every tool, so that figures are added on the way; what was looked at is the server's, so that it goes on where it was left.
 */

import { askInTurn, get } from "../../lib/api.js";
import { one } from "../../lib/dom.js";
import { choice, choose } from "../../lib/storage.js";
import { toast } from "../../lib/toast.js";
import { WalkBar } from "./bar.js";
import { Path } from "./path.js";

/**
 * @typedef {"walk"|"audit"} Kind
 * @typedef {{id: string, field_um: number, fields: {x_l0: number, y_l0: number}[], fields_looked: number}} Sample
 * @typedef {{field_um: number, field_source: "asked"|"protocol"|"usual", fields: import("./path.js").Field[], fields_looked: number, region: {polygon: unknown},
 *   coverage: {area_mm2: number, looked_mm2: number, share: number}}} Told the server's
 * @typedef {{base: string, mayWalk: boolean, count: import("../../review/count.js").CountModel, store: import("../../review/store.js").ReviewStore,
 *   actions: import("../../review/actions.js").Actions, outbox: import("../../review/outbox.js").Outbox, hold: (holds: boolean) => void}} Parts
 */

export const AUDIT_FIELDS = 10; // looked at in one go
/** The field's diameter that a reader has set, µm; empty: the protocol's, else the usual one. @param {number|string} me */
export const chosenField = (me) => choice(`walk-field.${me}`, "");

const FILLS = 0.94; // of the shorter side of the canvas
const SETTLE_MS = 300;

export class Walk extends EventTarget {
  /** @type {Kind} */
  kind = "walk";
  /** @type {Path|null} */
  path = null;
  /** @type {Sample|null} */
  sample = null;
  field_um = 0;
  /** @type {Told|null} */
  told = null;
  #timer = 0;
  #walkedIn = "";

  /** @param {import("../slide_view.js").SlideView} view @param {import("../../overlays/layer.js").MarkLayer} layer @param {Parts} parts */
  constructor(view, layer, parts) {
    super();
    this.view = view;
    this.layer = layer;
    this.parts = parts;
    this.button = one("#walk-button");
    this.button.toggleAttribute("disabled", !parts.mayWalk);
    this.button.addEventListener("click", () => this.toggle());
    const presses = { next: () => this.next(), previous: () => this.previous(), leave: () => this.leave() };
    this.bar = new WalkBar(one("#walk-bar"), { ...presses, resize: (field_um) => this.resize(field_um) });
    parts.store.addEventListener("change", () => this.#show());
    parts.outbox.addEventListener("answer", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.entry.kind === "look") this.#refreshSoon();
    });
    parts.count.addEventListener("change", () => {
      if (this.isOn && this.kind === "walk" && this.#walkedIn !== parts.count.where) this.start();
    });
  }

  get isOn() {
    return this.path !== null;
  }

  toggle() {
    if (this.isOn) this.leave();
    else this.start();
  }

  /** Where it was left: from the first field that was not looked at. */
  async start() {
    if (!this.parts.mayWalk) return;
    this.#walkedIn = this.parts.count.where;
    const told = await this.#fetch();
    if (!told) return;
    this.sample = null;
    const path = new Path(told.fields, undefined, this.parts.store.looksOf(this.parts.store.me.id));
    this.#begin("walk", path, told.field_um);
    if (this.path?.isDone) this.#say("Every field of this region has been looked at.");
  }

  /** Some more fields of a sample, in the order in which they were drawn. @param {Sample} sample */
  audit(sample) {
    const { fields_looked: looked } = sample;
    const fields = sample.fields.map((field, index) => ({ ...field, looked: index < looked }));
    this.sample = sample;
    this.#begin("audit", new Path(fields, Math.min(looked + AUDIT_FIELDS, fields.length)), sample.field_um);
  }

  /** @param {Kind} kind @param {Path} path @param {number} field_um */
  #begin(kind, path, field_um) {
    this.kind = kind;
    this.path = path;
    this.field_um = field_um;
    this.parts.hold(true);
    this.#lookAt();
    this.view.osd.canvas.focus({ preventScroll: true });
  }

  /** The field is looked at. */
  next() {
    const { path } = this;
    if (!path?.field) return;
    const { x_l0, y_l0, looked } = path.field;
    if (!looked) {
      const of = { kind: this.kind, sample: this.sample?.id ?? null };
      this.parts.actions.look({ x_l0, y_l0, radius_um: this.field_um / 2, ...of });
    }
    if (path.next()) {
      this.#lookAt();
      return;
    }
    this.#say(
      this.kind === "walk"
        ? "The whole region has been looked at."
        : "These fields are looked at: “Missed?” tells what that means.",
    );
    if (this.kind === "audit") this.leave();
    else this.#show();
  }

  previous() {
    if (this.path?.previous()) this.#lookAt();
  }

  /** @returns {boolean} whether there was a walk to end */
  leave() {
    if (!this.isOn) return false;
    this.path = null;
    this.sample = null;
    this.parts.hold(false);
    this.#show();
    return true;
  }

  /** @param {number} field_um */
  resize(field_um) {
    choose(`walk-field.${this.parts.store.me.id}`, String(field_um));
    this.start();
  }

  /** @param {boolean} [quiet] what stands there already stays, and nothing is said @returns {Promise<Told|null>} null where it was refused */
  async #fetch(quiet = false) {
    const { base, count, store } = this.parts;
    const chosen = chosenField(store.me.id);
    const size = chosen && `&field_um=${chosen}`;
    try {
      const ask = () => get(`${base}walk/?region=${count.where}${size}`);
      this.told = await askInTurn(ask, () => quiet || this.#say("The region is being counted; the walk begins then."));
      return this.told;
    } catch (error) {
      const problem = /** @type {import("../../lib/api.js").ApiError} */ (error);
      if (problem.status === undefined) throw error;
      if (!quiet)
        toast(problem.passing ? "The walk could not be loaded: the server was not reached." : problem.message, { kind: "bad" });
      return null;
    }
  }

  #refreshSoon() {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#refresh(), SETTLE_MS);
  }

  /** The share; the fields stay as they are, also where the best region has moved since. */
  async #refresh() {
    if (!this.isOn || this.kind !== "walk") return;
    const before = JSON.stringify(this.told?.region.polygon);
    const share = this.told?.coverage;
    const told = await this.#fetch(true);
    if (told && share && JSON.stringify(told.region.polygon) !== before) told.coverage = share;
    this.#show();
  }

  #lookAt() {
    const field = this.path?.field;
    if (!field) return;
    const { width, height } = this.view.size;
    const mpp = this.view.mpp ?? 1;
    const ratio = (FILLS * Math.min(width, height) * mpp) / this.field_um;
    this.view.opened.then(() => this.view.show(field.x_l0, field.y_l0, ratio));
    this.#show();
  }

  /** @param {string} words */
  #say(words) {
    one("#live").textContent = words;
    toast(words);
  }

  #show() {
    const { path, layer, parts } = this;
    document.body.classList.toggle("tool-walk", this.isOn);
    this.button.setAttribute("aria-pressed", String(this.isOn));
    this.bar.host.hidden = !path;
    layer.reticle = path?.field ? { ...path.field, radius_um: this.field_um / 2 } : null;
    const { me } = parts.store;
    const reader = this.isOn ? me.id : this.shows ? (parts.count.count?.reader.id ?? me.id) : null;
    const before = layer.looks.length;
    layer.looks = reader === null ? [] : parts.store.looksOf(reader);
    if (path) {
      if (this.kind === "walk" && layer.looks.length !== before) path.mark(layer.looks);
      const until = this.kind === "audit" ? path.until : path.fields.length;
      this.bar.update({
        kind: this.kind,
        looked: path.looked,
        fields: until,
        share: this.kind === "walk" ? (this.told?.coverage.share ?? null) : null,
        field_um: this.field_um,
        source: this.told?.field_source ?? "usual",
        index: path.index,
        isDone: path.isDone,
      });
    }
    this.view.redraw();
    this.dispatchEvent(new Event("change"));
  }

  /** Whether fields looked at are drawn although nobody walks. */
  shows = false;

  /** @param {boolean} shows */
  showLooks(shows) {
    if (shows === this.shows) return;
    this.shows = shows;
    this.#show();
  }
}

/**
 * The keys of the review with Space for the next field while one walks.
 * @param {import("../keys.js").Binding[]} bindings @param {Walk} walk
 * @returns {import("../keys.js").Binding[]}
 */
export function walkKeys(bindings, walk) {
  /** @type {Record<string, () => void>} */
  const own = { Space: () => walk.next(), "Shift Space": () => walk.previous() };
  const wrapped = bindings.map((binding) => {
    const run = own[binding.keys[0]];
    return run ? { ...binding, run: (/** @type {string} */ key) => (walk.isOn ? run() : binding.run(key)) } : binding;
  });
  if (!walk.parts.mayWalk) return wrapped;
  return [
    ...wrapped,
    { keys: ["f"], words: "field walk: the lab’s field through the region", run: () => walk.toggle() },
    { keys: [], shown: ["Space", "Shift Space"], words: "while walking: next field, field before", run: () => undefined },
  ];
}
