/** "Import areas…": a GeoJSON drawn elsewhere, taken in as the tumour or as regions to count in, all of it or nothing. */

import { post } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { FileForm, line } from "../lib/file_form.js";
import { plural } from "../lib/format.js";
import { toast } from "../lib/toast.js";
import { countClasses } from "./area_classes.js";

/**
 * @typedef {import("./areas.js").Area & {kind: "tumour"|"count"}} Kept
 * @typedef {{kept: (regions: Kept[]) => void, undo: (regions: Kept[]) => void}} Handlers
 */

const MOST_BYTES = 1_900_000; // the server takes 2 MB in one request
const KINDS = /** @type {const} */ ([
  ["tumour", "Tumour", "Where a protocol may look at all. Several areas are taken together."],
  ["count", "To count in", "Each polygon is a region of its own, without holes."],
]);

/**
 * @param {HTMLDialogElement} dialog
 * @param {{api: string, slide: {id: string, label: string}}} data
 * @param {Handlers} handlers
 * @returns {() => void} opens it
 */
export function installAreaImport(dialog, { api, slide }, handlers) {
  const url = `${api}slides/${slide.id}/areas/import/`;
  return () => {
    dialog.replaceChildren(new AreaForm(url, slide.label, { ...handlers, close: () => dialog.close() }).element);
    dialog.showModal();
  };
}

class AreaForm extends FileForm {
  /** What the file holds; null while none is chosen that can be read. @type {object|null} */
  content = null;

  /** @param {string} url @param {string} label @param {Handlers & {close: () => void}} handlers */
  constructor(url, label, handlers) {
    const file = { accept: ".geojson,.json", "aria-describedby": "areas-help" };
    super("areas", { title: `Import areas on ${label}`, file, hint: "All of the file, or nothing" });
    this.url = url;
    this.handlers = handlers;
    this.kinds = KINDS.map(
      ([value], at) => /** @type {HTMLInputElement} */ (el("input", { type: "radio", name: "kind", value, checked: at === 0 })),
    );
    this.what = el("p", { class: "caption", role: "status" });
    this.classes = /** @type {HTMLSelectElement} */ (el("select", { id: "areas-class" }));
    this.classLine = line("Class", this.classes);
    this.file.addEventListener("change", () => this.#read());
    for (const kind of this.kinds) kind.addEventListener("change", () => this.#sayKind());
    this.classLine.hidden = true;
    this.#sayKind();
    const help = "GeoJSON, as QuPath and the export here write it: polygons in pixels.";
    const choices = KINDS.map(([, word], at) => el("label", {}, this.kinds[at], word));
    this.element = this.build(
      [
        el("p", { class: "caption", id: "areas-help", text: help }),
        el("div", { class: "segmented", role: "radiogroup", "aria-label": "What they are" }, ...choices),
        this.what,
        this.classLine,
      ],
      () => this.#send(),
    );
  }

  get kind() {
    return KINDS[this.kinds.findIndex((kind) => kind.checked)];
  }

  #sayKind() {
    this.what.textContent = this.kind[2];
  }

  async #read() {
    const file = this.chosen;
    this.go.disabled = true;
    this.content = null;
    this.error.hidden = true;
    this.classLine.hidden = true;
    if (!file) return;
    if (file.size > MOST_BYTES) {
      this.refuse("Too large for a page, which takes 1.9 MB: export the areas alone, without detections.");
      return;
    }
    try {
      this.content = JSON.parse(await file.text());
    } catch {
      this.refuse("This file is no GeoJSON: it cannot be read as JSON. Nothing was imported.");
      return;
    }
    if (file !== this.chosen) return; // another one was chosen meanwhile
    this.#offerClasses(countClasses(this.content));
    this.go.disabled = false;
  }

  /** Of a file with several; that of the tumour first. @param {Map<string, number>} classes */
  #offerClasses(classes) {
    this.classLine.hidden = classes.size < 2;
    const options = [...classes].map(([name, count]) => el("option", { value: name, text: `${name} (${count})` }));
    this.classes.replaceChildren(el("option", { value: "", text: "All" }), ...options);
    this.classes.value = [...classes.keys()].find((name) => /^tumou?r/i.test(name)) ?? "";
    if (this.classLine.hidden) this.classes.value = "";
  }

  async #send() {
    this.go.disabled = true;
    const [kind] = this.kind;
    try {
      const body = { kind, geojson: this.content, classification: this.classes.value };
      const { regions, notes } = /** @type {{regions: Kept[], notes: string[]}} */ (await post(this.url, body));
      this.handlers.close();
      this.handlers.kept(regions);
      const words = plural(regions.length, kind === "tumour" ? "tumour area" : "region");
      const action = { label: "Undo", run: () => this.handlers.undo(regions) };
      toast([`${words} imported.`, ...notes].join(" "), { kind: notes.length ? "warn" : "yes", action });
    } catch (problem) {
      this.go.disabled = false;
      this.refuse(/** @type {Error} */ (problem).message);
    }
  }
}
