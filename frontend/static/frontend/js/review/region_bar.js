/** Which region is counted in: the protocol's 1 2 3 with their ranges, the whole, drawn ones; and the rival beside them. */

import { el, icon } from "../lib/dom.js";
import { RANKS } from "./count.js";
import { sayExact, sayRange } from "./score.js";

/**
 * @typedef {import("./count.js").Count} Count
 * @typedef {{id: string, name: string, polygon: import("../viewer/geometry.js").Point[]}} Region
 * @typedef {{where: string, name: string, words: string, range: string}} Choice words: beside it
 */

export class RegionBar {
  /**
   * @param {import("./count.js").CountModel} model
   * @param {{regions: Region[], sheet: boolean, may: {region: boolean}, removeRegion: (region: Region) => void, importAreas: () => void}} parts
   */
  constructor(model, parts) {
    this.model = model;
    this.parts = parts;
    this.bar = el("div", { class: "fold-body regions", role: "group", "aria-label": "Region counted in", "data-fold": 3 });
    this.now = el("span");
    this.rival = el("span", { class: "rival", "data-fold": 4 });
    const button = el("button", { type: "button", class: "fold-button btn small" }, this.now, icon("chevron-up"));
    this.elements = [el("div", { class: "fold left up", "data-fold": 5, "data-closes": true }, button, this.bar), this.rival];
  }

  /** @param {Count} count */
  show(count) {
    const choices = listChoices(count, this.model.where, this.parts);
    const chosen = choices.find(({ where }) => where === this.model.where);
    const name = chosen && /^\d$/.test(chosen.name) ? `Region ${chosen.name}` : (chosen?.name ?? "Region");
    this.now.textContent = chosen?.range ? `${name}: ${chosen.range}` : name;
    this.bar.replaceChildren(
      el("span", { text: "Region" }),
      ...choices.map((choice) => this.#button(choice)),
      ...this.#removal(count),
      ...this.#import(),
    );
    const { rival } = count;
    this.rival.hidden = !rival || this.parts.sheet;
    this.rival.replaceChildren(...(rival ? ["Rival up to ", el("b", { text: String(rival.most) })] : []));
    this.rival.title = rival
      ? "The window nearest to another score, dotted on the slide: what it holds if all that is open there is a mitosis"
      : "";
  }

  /** @param {Choice} choice */
  #button({ where, name, words, range }) {
    return el(
      "button",
      {
        type: "button",
        "aria-pressed": String(this.model.where === where),
        title: words,
        onclick: () => this.model.choose(where),
      },
      /^\d$/.test(name) && el("span", { class: "visually-hidden", text: "Region " }),
      `${name} `,
      range && el("span", { class: "range", text: range }),
    );
  }

  #import() {
    const { may, sheet, importAreas } = this.parts;
    if (!may.region || sheet) return [];
    const words = "Import areas…";
    return [el("button", { type: "button", "aria-label": words, "data-tip": words, onclick: importAreas }, icon("upload"))];
  }

  /** @param {Count} count */
  #removal(count) {
    const { regions, may, removeRegion } = this.parts;
    const drawn = regions.find((region) => region.id === this.model.where);
    if (!drawn || !may.region || count.region.kind !== "drawn") return [];
    const words = `Remove ${drawn.name}`;
    return [
      el("button", { type: "button", "aria-label": words, "data-tip": words, onclick: () => removeRegion(drawn) }, icon("trash-2")),
    ];
  }
}

/**
 * @param {Pick<Count, "regions"|"confirmed"|"provisional">} count @param {string} now what is counted in
 * @param {{regions: {id: string, name: string}[], sheet: boolean}} parts
 * @returns {Choice[]}
 */
export function listChoices(count, now, { regions, sheet }) {
  const told = sayRange(count.confirmed, count.provisional);
  const rangeOf = (/** @type {string} */ where) => (where === now ? told : "");
  if (sheet) return [{ where: "best", name: "All", words: "All", range: "" }];
  const ranked = count.regions.map(({ rank, confirmed, provisional, exact, bound }) => ({
    where: RANKS[rank - 1],
    name: String(rank),
    words: `Region ${rank}${rank > 1 ? "" : `, ${sayExact({ exact, bound }) || "the best of all places"}`}`,
    range: sayRange(confirmed, provisional),
  }));
  const best = ranked.length
    ? ranked
    : [{ where: "best", name: "Best of all places", words: "Best of all places", range: rangeOf("best") }];
  return [
    ...best,
    { where: "whole", name: "Whole", words: "Whole", range: rangeOf("whole") },
    ...regions.map(({ id, name }) => ({ where: id, name, words: name, range: rangeOf(id) })),
  ];
}
