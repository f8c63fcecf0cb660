/** The count strip: protocol, regions, rival and guards above; number, density, ruler, score and words below. It never moves. */

import { el, icon, svg } from "../lib/dom.js";
import { installFolding } from "../lib/fold.js";
import { area, plural } from "../lib/format.js";
import { drawCount, sayRuler } from "./count_ruler.js";
import { ProtocolMenu } from "./protocol_menu.js";
import { RegionBar } from "./region_bar.js";
import {
  describeDecision,
  findBlocking,
  nameRegionShort,
  nameScore,
  sayDistances,
  sayExact,
  sayRange,
  sayScores,
} from "./score.js";
import { listCounts, nameCount, sayWhoJudged } from "./whose.js";

/**
 * @typedef {import("./count.js").Count} Count
 * @typedef {import("./region_bar.js").Region} Region
 */

const FIT_WORDS = { fits: "", does_not_fit: "the square does not fit", tissue_smaller: "smaller than the protocol" };

export class Strip {
  /**
   * @param {HTMLElement} host
   * @param {import("./count.js").CountModel} model
   * @param {{regions: Region[], sheet: boolean, may: {export: boolean, region: boolean, protocol: boolean}, exportUrl: string, api: string, case: string,
   *   me: import("./whose.js").Me, removeRegion: (region: Region) => void, importAreas: () => void, countOpen: () => number}} parts countOpen: what the reader has not judged, wherever it lies
   */
  constructor(host, model, parts) {
    this.model = model;
    this.parts = parts;
    this.says = el("span");
    this.protocol = new ProtocolMenu({ api: parts.api, case: parts.case, may: parts.may.protocol, chosen: () => model.again() });
    this.regions = new RegionBar(model, parts);
    this.guards = this.#menu("guards-menu", "shield", "Guards");
    this.notes = this.#menu("notes-menu", "info", "Notes");
    this.reader = el("span");
    this.number = el("div", { class: "number", id: "count-number" });
    this.unit = el("div", { class: "s-cell" });
    this.open = el("div", { class: "s-cell" });
    this.density = el("div", { class: "s-cell" });
    this.ruler = /** @type {SVGElement} */ (svg("svg", { role: "img" }));
    this.words = el("div", { class: "s-words" });
    /** @type {[HTMLAnchorElement, string][]} links to exports, with their addresses but for the region */
    this.links = [];
    this.body = el("div", { class: "s-body" });
    const line = el(
      "div",
      { class: "s-line" },
      this.says,
      this.protocol.element,
      ...this.regions.elements,
      this.guards.element,
      this.reader,
      el("span", { class: "roo", text: "Research use only" }),
      this.notes.element,
      this.#exports(),
    );
    this.protocol.element.hidden = this.guards.element.hidden = true;
    host.replaceChildren(line, this.body);
    installFolding(line);
    this.body.append(
      el("div", { class: "s-count" }, this.number, this.unit),
      this.open,
      this.density,
      el("div", { class: "s-ruler" }, this.ruler),
      this.words,
    );
    model.addEventListener("change", () => this.update());
    new ResizeObserver(() => model.count && this.#showRuler(model.count)).observe(this.ruler);
  }

  /** A list that opens upward. @param {string} id @param {string} sign @param {string} name */
  #menu(id, sign, name) {
    const word = el("span", { class: "word", "data-fold": 1, text: name });
    const list = el("ul");
    const summary = el("summary", { class: "btn small" }, icon(sign), word);
    const element = el("details", { class: "menu up", "data-menu": true, id }, summary, el("div", { class: "items notes" }, list));
    return { element, summary, word, list };
  }

  #exports() {
    const { may, exportUrl } = this.parts;
    if (!may.export) return null;
    return el(
      "details",
      { class: "menu up", "data-menu": true, id: "export-menu" },
      el("summary", { class: "btn small" }, icon("download"), el("span", { class: "word", "data-fold": 1, text: "Export" })),
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
    const { count, counting } = this.model;
    this.body.classList.toggle("counting", counting);
    if (!count) {
      this.says.textContent = counting ? "Counting" : "The count is not there, trying again";
      return;
    }
    this.protocol.element.hidden = this.parts.sheet;
    this.says.replaceChildren(...(this.parts.sheet ? [el("b", { text: "Teaching sheet" }), " cut-out figures, no tissue"] : []));
    this.protocol.show(count.protocol);
    this.regions.show(count);
    this.#showGuards(count);
    this.#showReader(count);
    this.#showNumbers(count);
    this.#showRuler(count);
    this.#showWords(count);
    this.notes.list.replaceChildren(...count.notes.map((text) => el("li", { text })));
    for (const [link, href] of this.links) link.href = `${href}?${this.model.query}`;
  }

  /** Those that block come first, as the server lists them. @param {Count} count */
  #showGuards({ guards }) {
    const { element, summary, word, list } = this.guards;
    element.hidden = !guards.length || this.parts.sheet;
    const blocks = guards.filter((guard) => guard.blocks).length;
    summary.classList.toggle("warn", blocks > 0);
    summary.replaceChildren(icon(blocks ? "octagon-alert" : "shield"), String(guards.length), word);
    word.textContent = guards.length === 1 ? "guard" : "guards";
    list.replaceChildren(
      ...guards.map((guard) => el("li", {}, guard.blocks && el("b", { class: "warn", text: "No score: " }), guard.sentence)),
    );
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
    const scored = count.protocol.cutoffs.length > 0 && !this.parts.sheet;
    const kind = modelOnly ? `${noun}, by the model` : scored ? `${noun} in ${nameRegionShort(count)}` : `${noun}, confirmed`;
    const { divided_by: divisor } = count.protocol;
    const divided = divisor > 1 && el("div", { text: `÷ ${divisor}: ${(shown / divisor).toFixed(1)}` });
    this.unit.replaceChildren(el("b", { text: kind }), ...this.#describeArea(count), divided || "");
    const unsure = count.unsure ? el("div", { text: `${count.unsure} unsure, in neither` }) : "";
    const open = scored
      ? [el("b", { text: `${count.open} open` }), `${sayRange(confirmed, provisional)} in the end`]
      : [el("b", { text: `${provisional} provisional` }), `${confirmed} confirmed + ${count.open} open`];
    this.open.replaceChildren(...open, unsure);
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
  #describeDensity({ per_mm2: perMm2, interval, interval_with_choice: withChoice, mpp_source: source, region }) {
    if (!perMm2) {
      const why = source === "unknown" ? "no pixel size" : region.kind === "drawn" && !region.area_mm2 ? "no tissue" : "";
      return [el("b", { text: "– per mm²" }), why];
    }
    const [low, high] = [perMm2.confirmed.toFixed(1), perMm2.provisional.toFixed(1)];
    if (!interval) return [el("b", { class: "wide", text: `${low} to ${high} per mm²` }), "confirmed to provisional"];
    const between = (/** @type {import("./count.js").Interval} */ { low: from, high: to }) =>
      `${from.toFixed(1)} to ${to.toFixed(1)}`;
    const chosen = withChoice && el("div", { text: `with the choice: ${between(withChoice)}` });
    return [el("b", { class: "wide", text: `${low} per mm²` }), `95 %: ${between(interval)}`, ...(chosen ? [chosen] : [])];
  }

  /** @param {Count} count */
  #showRuler(count) {
    const { confirmed, provisional, model_only: modelOnly, interval, region } = count;
    const inRegion = (/** @type {number} */ perMm2) => perMm2 * (region.area_mm2 ?? 0);
    const hasInterval = interval && region.area_mm2;
    const shown = {
      dot: modelOnly ? provisional : confirmed,
      upTo: provisional,
      low: hasInterval ? inRegion(interval.low) : null,
      high: hasInterval ? inRegion(interval.high) : null,
      elsewhere: count.most_elsewhere,
      cutoffs: findBlocking(count) ? [] : count.protocol.cutoffs,
      score: modelOnly && !count.decided ? null : count.score, // the dot is then at what the model calls
      decided: count.decided === true,
    };
    drawCount(this.ruler, shown, this.ruler.clientWidth);
    this.ruler.setAttribute("aria-label", sayRuler({ ...shown, dot: confirmed }));
  }

  /** @param {Count} count */
  #showWords(count) {
    const scored = count.protocol.cutoffs.length > 0 && !this.parts.sheet;
    this.body.classList.toggle("scored", scored);
    if (scored) this.#showScore(count);
    else this.#showReadingWords(count);
  }

  /** The score as a state. @param {Count} count */
  #showScore(count) {
    const { state, lead, text } = describeDecision(count, this.parts.countOpen());
    const heads = {
      blocked: "No score",
      decided: nameScore(count.score ?? ""),
      open: sayScores(count),
      unknown: sayScores(count),
      plain: "",
    };
    const signs = {
      decided: ["yes", "circle-check", "decided"],
      open: ["", "target", lead.replace(/\.$/, "")],
      blocked: ["warn", "octagon-alert", ""],
      unknown: ["warn", "circle-help", "not known whether decided"],
      plain: ["", "", ""],
    };
    const [css, sign, word] = signs[state];
    const chips = [
      el("span", { class: "score-name", text: heads[state], title: heads[state] }),
      ...(word ? [el("span", { class: `chip ${css}` }, icon(sign), word)] : []),
      ...(count.model_only ? [el("span", { class: "chip model-only" }, icon("cpu"), "model only")] : []),
      ...this.#chipsOfBoth(count),
    ];
    const told = count.regions.find(({ rank }) => rank === count.region.rank);
    const beside = state === "blocked" ? [] : [sayDistances(count), told ? sayExact(told) : ""];
    const sentences = [text, ...beside.filter(Boolean).map(asSentence)].join(" ");
    this.words.replaceChildren(el("div", { class: "first" }, ...chips), el("p", { text: sentences, title: sentences }));
  }

  /** @param {Count} count */
  #chipsOfBoth(count) {
    const chips = [];
    if (count.differ.length)
      chips.push(el("span", { class: "chip warn" }, icon("git-compare"), `readers differ on ${count.differ.length}`));
    if (this.model.counting) chips.push(el("span", { class: "chip" }, icon("loader"), "counting"));
    if (this.model.stale) chips.push(el("span", { class: "chip bad", text: "not up to date" }));
    return chips;
  }

  /** Without cut-offs: how far the reading is. @param {Count} count */
  #showReadingWords(count) {
    const chips = [];
    if (count.model_only) chips.push(el("span", { class: "chip" }, icon("cpu"), "model only"));
    const fit = FIT_WORDS[count.protocol_fit];
    if (fit) chips.push(el("span", { class: "chip warn" }, icon("triangle-alert"), fit));
    if (count.doubts.length)
      chips.push(el("span", { class: "chip warn", "data-tip": count.doubts[0].text }, icon("circle-help"), "slide in question"));
    if (count.mpp_source === "unknown") chips.push(el("span", { class: "chip warn" }, icon("ruler"), "no pixel size"));
    if (!chips.length && !count.differ.length && count.open === 0)
      chips.push(el("span", { class: "chip yes" }, icon("check"), "all judged"));
    chips.push(...this.#chipsOfBoth(count));
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

/** @param {string} words */
const asSentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;
