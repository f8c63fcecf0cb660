/** "Import detections…": a file of another detector; what was read of it is shown before anything is kept. */

import { post } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { FileForm, field, line } from "../lib/file_form.js";
import { plural, whole } from "../lib/format.js";

/** @typedef {import("../viewer/types.js").ViewerData} ViewerData */
/** @typedef {{format: string, detector: string, read: number, detections: number, called: number, threshold: number, notes: string[]}} Preview */

const MOST_BYTES = 1_500_000; // the server takes 2 MB in one request, and base64 adds a third
const FORMATS = "mitosis detect, MIDOG submission or JSON, GeoJSON of QuPath, CSV with a header, HoVer-Net or CellViT";

/**
 * @param {HTMLDialogElement} dialog
 * @param {ViewerData} data
 * @returns {() => void} opens it
 */
export function installImportDialog(dialog, data) {
  return () => {
    dialog.replaceChildren(new ImportForm(data).element);
    dialog.showModal();
  };
}

class ImportForm extends FileForm {
  /** The file as base64. */
  content = "";

  /** @param {ViewerData} data */
  constructor({ api, slide }) {
    const words = { title: `Import detections on ${slide.label}`, hint: "Judged and counted like an analysis" };
    super("import", { ...words, file: { "aria-describedby": "import-formats" } });
    this.url = `${api}analyses/import/`;
    this.slide = slide.id;
    this.detector = field("import-detector", { type: "text", maxlength: 60, required: true, autocomplete: "off" });
    this.version = field("import-version", { type: "text", maxlength: 60, autocomplete: "off", placeholder: "if it has one" });
    this.said = el("div", { class: "stack", role: "status" });
    this.file.addEventListener("change", () => this.#preview());
    const formats = el("p", { class: "caption", id: "import-formats", text: `Told by what is in it: ${FORMATS}.` });
    const lines = [line("Detector", this.detector), line("Version", this.version)];
    this.element = this.build([formats, ...lines, this.said], () => this.#send());
  }

  get #body() {
    const [detector, version] = [this.detector.value, this.version.value].map((text) => text.trim());
    return { slide: this.slide, content: this.content, detector, version };
  }

  async #preview() {
    const file = this.chosen;
    this.go.disabled = true;
    this.error.hidden = true;
    this.said.replaceChildren();
    if (!file) return;
    if (file.size > MOST_BYTES) {
      this.refuse(
        "Too large for a page, which takes 1.5 MB: leave out places far below the threshold, or use mitosis import-detections.",
      );
      return;
    }
    try {
      this.content = await asBase64(file);
      const read = /** @type {Preview} */ (await post(`${this.url}preview/`, this.#body));
      if (file !== this.chosen) return; // another one was chosen meanwhile
      this.detector.value ||= read.detector;
      this.said.replaceChildren(...previewParts(read));
      this.go.disabled = false;
    } catch (problem) {
      if (file === this.chosen) this.refuse(/** @type {Error} */ (problem).message);
    }
  }

  async #send() {
    this.go.disabled = true;
    try {
      const started = await post(this.url, this.#body);
      location.assign(`${location.pathname}?analysis=${started.id}${location.hash}`);
    } catch (problem) {
      this.go.disabled = false;
      this.refuse(/** @type {Error} */ (problem).message);
    }
  }
}

/** @param {Preview} read */
function previewParts({ format, read, detections, called, threshold, notes }) {
  const left = read === detections ? "" : `, ${whole(detections)} to be taken in`;
  const calls = `${whole(called)} called mitosis, threshold ${threshold.toFixed(2)}`;
  return [
    el("p", {}, el("b", { text: format }), `: ${plural(read, "place")} read${left}; ${calls}.`),
    notes.length > 0 && el("ul", { class: "notes" }, ...notes.map((text) => el("li", { text }))),
  ].filter((part) => part instanceof Node);
}

/** @param {File} file @returns {Promise<string>} */
function asBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result).split(",", 2)[1] ?? ""));
    reader.addEventListener("error", () => reject(new Error("The file could not be read.")));
    reader.readAsDataURL(file);
  });
}
