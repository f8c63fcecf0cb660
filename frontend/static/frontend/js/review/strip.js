/** The count strip: protocol and region above; number, density, ruler, words, export below. It never moves. */

import { el, icon, svg } from "../lib/dom.js";
import { area, plural } from "../lib/format.js";
import { drawCount } from "./rulers.js";
import { listCounts, nameCount, sayWhoJudged } from "./whose.js";

/**
 * @typedef {import("./count.js").Count} Count
 * @typedef {{id: string, name: string, polygon: import("../viewer/geometry.js").Point[]}} Region
 */

const FIT_WORDS = { fits: "", does_not_fit: "the square does not fit", tissue_smaller: "smaller than the protocol" };

export class Strip {
  /**
   * @param {HTMLElement} host
   * @param {import("./count.js").CountModel} model
   * @param {{regions: Region[], sheet: boolean, may: {export: boolean, region: boolean}, exportUrl: string, me: import("./whose.js").Me, removeRegion: (region: Region) => void}} parts
   */
  constructor(host, model, parts) {
    this.model = model;
    this.parts = parts;
    this.protocol = el("span");
    this.regions = el("div", { class: "regions", role: "group", "aria-label": "Region counted in" });
    this.reader = el("span");
    this.number = el("div", { class: "number", id: "count-number" });
    this.unit = el("div", { class: "s-cell" });
    this.open = el("div", { class: "s-cell" });
    this.density = el("div", { class: "s-cell" });
    this.ruler = /** @type {SVGElement} */ (svg("svg", { role: "img" }));
    this.words = el("div", { class: "s-words" });
    this.notes = el("ul");
    /** @type {[HTMLAnchorElement, string][]} links to exports, with their addresses but for the region */
    this.links = [];
    this.body = el("div", { class: "s-body" });
    host.replaceChildren(
      el(
        "div",
        { class: "s-line" },
        this.protocol,
        this.regions,
        this.reader,
        el("span", { class: "roo", text: "Research use only" }),
        el(
          "details",
          { class: "menu up", "data-menu": true, id: "notes-menu" },
          el("summary", { class: "btn small" }, icon("info"), "Notes"),
          el("div", { class: "items notes" }, this.notes),
        ),
        this.#exports(),
      ),
      this.body,
    );
    this.body.append(
      el("div", { class: "s-count" }, this.number, this.unit),
      this.open,
      this.density,
      el("div", { class: "s-ruler" }, this.ruler),
      this.words,
    );
    model.addEventListener("change", () => this.update());
  }

  #exports() {
    const { may, exportUrl } = this.parts;
    if (!may.export) return null;
    return el(
      "details",
      { class: "menu up", "data-menu": true, id: "export-menu" },
      el("summary", { class: "btn small" }, icon("download"), "Export"),
      el(
        "div",
        { class: "items" },
        this.#exportLink(`${exportUrl}export.csv`, "CSV, one row per detection"),
        this.#exportLink(`${exportUrl}export.geojson`, "GeoJSON for QuPath"),
        el("small", { text: "With the count of the region chosen here" }),
      ),
    );
  }

  /** @param {string} href @param {string} text */
  #exportLink(href, text) {
    const link = /** @type {HTMLAnchorElement} */ (el("a", { href, download: true }, text));
    this.links.push([link, href]);
    return link;
  }

  update() {
    const { count } = this.model;
    if (!count) {
      this.protocol.textContent = "The count is not there, trying again";
      return;
    }
    if (this.parts.sheet) this.protocol.replaceChildren(el("b", { text: "Teaching sheet" }), " cut-out figures, no tissue");
    else this.protocol.replaceChildren(el("b", { text: count.protocol.name }), ` ${area(count.protocol.area_mm2)}`);
    this.#showRegions(count);
    this.#showReader(count);
    this.#showNumbers(count);
    this.#showRuler(count);
    this.#showWords(count);
    this.notes.replaceChildren(...count.notes.map((text) => el("li", { text })));
    for (const [link, href] of this.links) link.href = `${href}?${this.model.query}`;
  }

  /** @param {Count} count */
  #showRegions(count) {
    const { regions, may, removeRegion } = this.parts;
    /** @type {[string, string][]} */
    const all = [
      ["best", this.parts.sheet ? "All" : "Best of all places"],
      ["whole", "Whole"],
      ...regions.map((region) => /** @type {[string, string]} */ ([region.id, region.name])),
    ];
    const shown = this.parts.sheet ? all.filter(([id]) => id !== "whole") : all;
    this.regions.replaceChildren(
      el("span", { text: "Region" }),
      ...shown.map(([id, name]) =>
        el("button", {
          type: "button",
          "aria-pressed": String(this.model.where === id),
          text: name,
          onclick: () => this.model.choose(id),
        }),
      ),
    );
    const drawn = regions.find((region) => region.id === this.model.where);
    if (drawn && may.region && count.region.kind === "drawn") {
      this.regions.append(
        el(
          "button",
          {
            type: "button",
            "aria-label": `Remove ${drawn.name}`,
            "data-tip": `Remove ${drawn.name}`,
            onclick: () => removeRegion(drawn),
          },
          icon("trash-2"),
        ),
      );
    }
  }

  /** @param {Count} count */
  #showReader(count) {
    const { me } = this.parts;
    const options = listCounts(count, me);
    if (options.length < 2) {
      this.reader.replaceChildren(nameCount(count, me));
      return;
    }
    const select = /** @type {HTMLSelectElement} */ (
      el(
        "select",
        {
          "aria-label": "Whose count",
          class: "plain",
          onchange: () => {
            this.model.chooseReader(select.value === String(me.id) ? null : select.value);
            select.blur();
          },
        },
        ...options.map(({ id, text }) => el("option", { value: id, text })),
      )
    );
    select.value = String(count.reader.id);
    this.reader.replaceChildren(select);
  }

  /** @param {Count} count */
  #showNumbers(count) {
    const { confirmed, provisional, model_only: modelOnly } = count;
    const shown = modelOnly ? provisional : confirmed;
    if (this.number.textContent !== String(shown)) this.number.textContent = String(shown);
    const noun = shown === 1 ? "figure" : "figures";
    const kind = modelOnly ? `${noun}, by the model` : `${noun}, confirmed`;
    this.unit.replaceChildren(el("b", { text: kind }), ...this.#describeArea(count));
    const unsure = count.unsure ? el("div", { text: `${count.unsure} unsure, in neither` }) : "";
    this.open.replaceChildren(
      el("b", { text: `${provisional} provisional` }),
      `${confirmed} confirmed + ${count.open} open`,
      unsure,
    );
    this.density.hidden = this.parts.sheet;
    this.density.replaceChildren(...this.#describeDensity(count));
  }

  /** @param {Count} count */
  #describeArea({ region }) {
    if (this.parts.sheet) return ["on this sheet"];
    if (region.area_mm2 === null) return ["area unknown"];
    const drawn = region.drawn_mm2 === null ? "" : area(region.drawn_mm2);
    if (!drawn || drawn === area(region.area_mm2)) return [`in ${area(region.area_mm2)}`];
    return [
      `in ${area(region.area_mm2)} of tissue`,
      el("div", { text: `${drawn} ${region.kind === "drawn" ? "drawn" : "outlined"}` }),
    ];
  }

  /** A range while anything is open, else the number with its interval. @param {Count} count */
  #describeDensity({ per_mm2: perMm2, interval, mpp_source: source, region }) {
    if (!perMm2) {
      const why = source === "unknown" ? "no pixel size" : region.kind === "drawn" && !region.area_mm2 ? "no tissue" : "";
      return [el("b", { text: "– per mm²" }), why];
    }
    const [low, high] = [perMm2.confirmed.toFixed(1), perMm2.provisional.toFixed(1)];
    if (!interval) return [el("b", { class: "wide", text: `${low} to ${high} per mm²` }), "confirmed to provisional"];
    const between = `95 %: ${interval.low.toFixed(1)} to ${interval.high.toFixed(1)}`;
    return [el("b", { class: "wide", text: `${low} per mm²` }), between];
  }

  /** @param {Count} count */
  #showRuler(count) {
    const { confirmed, provisional, model_only: modelOnly, interval, region } = count;
    const inRegion = (/** @type {number} */ perMm2) => perMm2 * (region.area_mm2 ?? 0);
    const hasInterval = interval && region.area_mm2;
    drawCount(this.ruler, {
      dot: modelOnly ? provisional : confirmed,
      upTo: provisional,
      low: hasInterval ? inRegion(interval.low) : null,
      high: hasInterval ? inRegion(interval.high) : null,
    });
    this.ruler.setAttribute("aria-label", `${confirmed} confirmed, up to ${provisional} with all open ones`);
  }

  /** @param {Count} count */
  #showWords(count) {
    const chips = [];
    if (count.model_only) chips.push(el("span", { class: "chip" }, icon("cpu"), "model only"));
    const fit = FIT_WORDS[count.protocol_fit];
    if (fit) chips.push(el("span", { class: "chip warn" }, icon("triangle-alert"), fit));
    if (count.doubts.length)
      chips.push(el("span", { class: "chip warn", "data-tip": count.doubts[0].text }, icon("circle-help"), "slide in question"));
    if (count.mpp_source === "unknown") chips.push(el("span", { class: "chip warn" }, icon("ruler"), "no pixel size"));
    if (count.differ.length)
      chips.push(el("span", { class: "chip warn" }, icon("git-compare"), `readers differ on ${count.differ.length}`));
    if (!chips.length && count.open === 0) chips.push(el("span", { class: "chip yes" }, icon("check"), "all judged"));
    if (this.model.stale) chips.push(el("span", { class: "chip bad", text: "not up to date" }));
    // One sentence, whole: the numbers say what is open, the notes everything else. Who judged is not cut either.
    const sentence = this.#sentence(count);
    if (count.protocol_note && count.model_only) chips.push(el("span", { class: "second small", text: sentence }));
    const text = count.protocol_note || sentence;
    this.words.replaceChildren(chips.length ? el("div", { class: "first" }, ...chips) : "", el("p", { text }));
  }

  /** @param {Count} count */
  #sentence(count) {
    const { open, confirmed, provisional, model_only: modelOnly } = count;
    if (modelOnly) return `${sayWhoJudged(count, this.parts.me)}: ${open} open.`;
    if (!open) return "Nothing open in the region.";
    return `${plural(open, "call")} open: ${confirmed} to ${provisional}.`;
  }
}
