/**
 * The count of this analysis, as the server makes it: fetched again after each change, one question at a time, since a
 * question given up is worked out all the same. Only another region or reader puts the one under way aside.
 */

import { get } from "../lib/api.js";
import { choice, choose } from "../lib/storage.js";

const SETTLE_MS = 60;
const AGAIN_MS = 5000;
const BUSY_S = 1; // the server makes this count for somebody else, and did not say how long
const SLOW_MS = 700; // a question that takes longer is told: what is shown is then the last count

/**
 * As `analysis/serializers/review.py` describes it.
 * @typedef {import("./types.js").Reader} Reader
 * @typedef {import("../viewer/geometry.js").Point} Point
 * @typedef {{score: string, from: number}} Cutoff from: the smallest whole count that has the score
 * @typedef {{kind: "best"|"alternate"|"whole"|"drawn", id: string|null, name: string, polygon: Point[]|null, area_mm2: number|null, drawn_mm2: number|null,
 *   rank: number|null, fields_l0: Point[]|null, further_rings: Point[][], tissue_fraction: number|null}} CountedRegion
 * @typedef {{where: "tumour"|"tissue"|"slide", areas: number, area_mm2: number|null, drawn_mm2: number|null, mask_cell_um: [number, number]|null}} LookedIn
 * @typedef {{rank: number, polygon: Point[], fields_l0: Point[]|null, area_mm2: number, confirmed: number, provisional: number, exact: boolean, bound: number|null}} RankedRegion
 * @typedef {{polygon: Point[], fields_l0: Point[]|null, most: number}} Rival the window nearest to another score
 * @typedef {{name: string, area_mm2: number, code: string, title: string, version: number, shape: string, fields: number|null, field_um: number|null,
 *   cutoffs: Cutoff[], divided_by: number, on: boolean, chosen: "case"|"team"|"default"}} Protocol name: its window, as a noun
 * @typedef {{code: string, sentence: string, blocks: boolean}} Guard
 * @typedef {{detection: number|null, figure: string|null, effect: number}} Next
 * @typedef {{low: number, high: number}} Interval per mm²
 * @typedef {{region: CountedRegion, looked_in: LookedIn, protocol: Protocol, protocol_fit: "fits"|"does_not_fit"|"tissue_smaller", protocol_note: string, reader: Reader,
 *   confirmed: number, provisional: number, open: number, unsure: number, judged: number, model_only: boolean, nobody_judged: boolean,
 *   per_mm2: {confirmed: number, provisional: number}|null, interval: Interval|null, interval_with_choice: Interval|null,
 *   score: string|null, to_next_score: number|null, to_previous_score: number|null, score_low: string|null, score_high: string|null,
 *   decided: boolean|null, verdicts_to_go: number|null, rival: Rival|null, most_elsewhere: number|null, regions: RankedRegion[], next: Next[], guards: Guard[],
 *   mpp_x: number, mpp_y: number, mpp_source: string, doubts: {code: string, text: string}[],
 *   readers: {reader: Reader, confirmed: number, provisional: number, judged: number}[], differ: object[], notes: string[]}} Count
 */

/** Regions of the protocol that can be asked for; the first is its best. */
export const RANKS = ["best", "2", "3"];

export class CountModel extends EventTarget {
  /**
   * @param {string} url …/count/
   * @param {string} slide id: the chosen region is remembered for it
   * @param {string[]} regions ids that exist
   */
  constructor(url, slide, regions) {
    super();
    this.url = url;
    this.slide = slide;
    const remembered = choice(`region.${slide}`, "best");
    this.where = [...RANKS, "whole", ...regions].includes(remembered) ? remembered : "best";
    /** @type {number|string|null} null: mine */
    this.reader = null;
    /** @type {Count|null} */
    this.count = null;
    this.stale = false;
    /** Whether a count is being made that takes its time. */
    this.counting = false;
    this.timer = 0;
    this.slow = 0;
    /** @type {AbortController|null} */
    this.asking = null;
    this.changed = false; // since the question under way
  }

  /** @param {string} where one of RANKS, whole, or a drawn region's id */
  choose(where) {
    this.where = where;
    choose(`region.${this.slide}`, where);
    this.#ask();
  }

  /** @param {number|string|null} reader */
  chooseReader(reader) {
    this.reader = reader;
    this.#ask();
  }

  /** What is asked for, as an address after the question mark. */
  get query() {
    return `region=${this.where}${this.reader === null ? "" : `&reader=${this.reader}`}`;
  }

  /** Something changed: ask soon, once for several changes. */
  refresh() {
    this.changed = true;
    if (!this.asking) this.#askIn(SETTLE_MS);
  }

  /** What is counted in has changed: what is under way is of no use. */
  again() {
    this.#ask();
  }

  /** @param {boolean} counting */
  #say(counting) {
    clearTimeout(this.slow);
    this.counting = counting;
    this.dispatchEvent(new Event("change"));
  }

  /** @param {number} ms */
  #askIn(ms) {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.#ask(), ms);
  }

  async #ask() {
    clearTimeout(this.timer);
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    this.changed = false;
    clearTimeout(this.slow);
    this.slow = window.setTimeout(() => this.#say(true), SLOW_MS);
    try {
      const count = await get(`${this.url}?${this.query}`, asking.signal);
      if (asking.signal.aborted) return; // asked for another region meanwhile
      this.asking = null;
      this.count = count;
      this.stale = false;
      if (this.changed) this.#askIn(SETTLE_MS);
      this.#say(false);
    } catch (error) {
      if (asking.signal.aborted) return;
      this.asking = null;
      this.#goOnAfter(/** @type {import("../lib/api.js").ApiError} */ (error));
    }
  }

  /** @param {import("../lib/api.js").ApiError} error */
  #goOnAfter(error) {
    if (error.status === undefined) throw error;
    if (error.status === 404 && this.where !== "best") {
      this.choose("best"); // the region was removed by somebody else
      return;
    }
    const isBusy = error.status === 503;
    this.stale = !isBusy;
    this.#askIn(isBusy ? (error.retryAfter_s || BUSY_S) * 1000 : AGAIN_MS);
    this.#say(isBusy);
  }
}
