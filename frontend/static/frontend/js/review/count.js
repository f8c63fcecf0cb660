/**
 * The count of this analysis, as the server makes it: fetched again after each change, one question at a time, since a
 * question given up is worked out all the same. Only another region or reader puts the one under way aside.
 */

import { get } from "../lib/api.js";
import { choice, choose } from "../lib/storage.js";

const SETTLE_MS = 60;
const AGAIN_MS = 5000;
const BUSY_MS = 1000; // the server makes this count for somebody else

/**
 * @typedef {import("./types.js").Reader} Reader
 * @typedef {{region: {kind: "best"|"whole"|"drawn", id: string|null, polygon: import("../viewer/geometry.js").Point[]|null, area_mm2: number|null, drawn_mm2: number|null},
 *   protocol: {name: string, area_mm2: number}, protocol_fit: "fits"|"does_not_fit"|"tissue_smaller", protocol_note: string, reader: Reader, confirmed: number, provisional: number,
 *   open: number, unsure: number, judged: number, model_only: boolean, nobody_judged: boolean, per_mm2: {confirmed: number, provisional: number}|null,
 *   regions?: {rank: number, polygon: import("../viewer/geometry.js").Point[]|null}[],
 *   interval: {low: number, high: number}|null, mpp_source: string, doubts: {code: string, text: string}[],
 *   readers: {reader: Reader, confirmed: number, provisional: number, judged: number}[], differ: object[], notes: string[]}} Count
 */

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
    this.where = ["best", "whole", ...regions].includes(remembered) ? remembered : "best";
    /** @type {number|string|null} null: mine */
    this.reader = null;
    /** @type {Count|null} */
    this.count = null;
    this.stale = false;
    this.timer = 0;
    /** @type {AbortController|null} */
    this.asking = null;
    this.changed = false; // since the question under way
  }

  /** @param {string} where best, whole or a region's id */
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
    try {
      const count = await get(`${this.url}?${this.query}`, asking.signal);
      if (asking.signal.aborted) return; // asked for another region meanwhile
      this.asking = null;
      this.count = count;
      this.stale = false;
      if (this.changed) this.#askIn(SETTLE_MS);
    } catch (error) {
      if (asking.signal.aborted) return;
      this.asking = null;
      this.#goOnAfter(/** @type {import("../lib/api.js").ApiError} */ (error));
    }
    this.dispatchEvent(new Event("change"));
  }

  /** @param {import("../lib/api.js").ApiError} error */
  #goOnAfter(error) {
    if (error.status === undefined) throw error;
    if (error.status === 404 && this.where !== "best") {
      this.choose("best"); // the region was removed by somebody else
      return;
    }
    this.stale = error.status !== 503;
    this.#askIn(error.status === 503 ? BUSY_MS : AGAIN_MS);
  }
}
