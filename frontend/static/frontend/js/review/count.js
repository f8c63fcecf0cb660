/** The count of this analysis, as the server makes it: fetched again after each change, the newest question wins. */

import { get } from "../lib/api.js";
import { choice, choose } from "../lib/storage.js";

const SETTLE_MS = 60;
const AGAIN_MS = 5000;

/**
 * @typedef {import("./types.js").Reader} Reader
 * @typedef {{region: {kind: "best"|"whole"|"drawn", id: string|null, polygon: import("../viewer/geometry.js").Point[]|null, area_mm2: number|null},
 *   protocol: {name: string, area_mm2: number}, smaller_than_protocol: boolean, reader: Reader, confirmed: number, provisional: number,
 *   open: number, unsure: number, judged: number, model_only: boolean, nobody_judged: boolean, per_mm2: {confirmed: number, provisional: number}|null,
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

  /** Something changed: ask soon, once for several changes. */
  refresh() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.#ask(), SETTLE_MS);
  }

  async #ask() {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    const reader = this.reader === null ? "" : `&reader=${this.reader}`;
    try {
      this.count = await get(`${this.url}?region=${this.where}${reader}`, asking.signal);
      this.stale = false;
    } catch (error) {
      if (asking.signal.aborted) return;
      const { status } = /** @type {import("../lib/api.js").ApiError} */ (error);
      if (status === undefined) throw error;
      if (status === 404 && this.where !== "best") {
        this.choose("best"); // the region was removed by somebody else
        return;
      }
      this.stale = true;
      this.timer = window.setTimeout(() => this.#ask(), AGAIN_MS);
    }
    this.dispatchEvent(new Event("change"));
  }
}
