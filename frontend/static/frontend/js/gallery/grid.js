/**
 * The crops as a grid of which only the rows in sight exist. It has the focus as a whole and names the tile that the keys are
 * at; scrolling and what arrives meanwhile move nothing that is being looked at.
 */

import { el } from "../lib/dom.js";
import { PATCH_UM, paint } from "../review/gradcam.js";
import { Tile, tileId } from "./tile.js";
import { layOut, placesToLoad, rowsInSight, scrollTo, SIDES } from "./tile_window.js";

/**
 * @typedef {import("./facts.js").Facts} Facts
 * @typedef {{selection: import("./selection.js").Selection, store: import("../review/store.js").ReviewStore, crops: import("../review/crops.js").Crops,
 *   loader: import("./crop_loader.js").CropLoader, explanations: import("../review/gradcam.js").Explanations, api: string}} Parts
 */

const SPARE_ROWS = 1;
const MOST_PX = 256; // a picture larger than this shows nothing more at these sizes

export class Grid {
  /** @param {HTMLElement} host @param {Parts} parts */
  constructor(host, parts) {
    this.parts = parts;
    this.host = host;
    this.sheet = el("div", { class: "g-sheet", role: "rowgroup" });
    host.replaceChildren(this.sheet);
    /** @type {Facts[]} */
    this.facts = [];
    /** @type {import("./filter.js").Size} */
    this.size = "m";
    this.isExplained = false;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map();
    this.lastTop = 0;
    /** @type {1|-1} */
    this.direction = 1;
    this.layout = layOut(1, 0, SIDES.m);
    host.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#measure()).observe(host);
    parts.loader.addEventListener("loaded", (event) => this.#loaded(/** @type {CustomEvent} */ (event).detail));
  }

  get columns() {
    return this.layout.columns;
  }

  /** Rows of a whole screen, for the keys that turn pages. */
  get screenRows() {
    return Math.max(1, Math.floor(this.host.clientHeight / this.layout.rowHeight));
  }

  /** @param {Facts[]} facts @param {import("./filter.js").Size} size */
  show(facts, size) {
    const held = this.#held();
    this.facts = facts;
    this.size = size;
    const keys = new Set(facts.map(({ item }) => item.key));
    for (const key of this.tiles.keys()) if (!keys.has(key)) this.tiles.delete(key);
    this.#measure(held);
  }

  /**
   * What stays where it is while others come and go: the tile that the keys are at, if it is in sight; else the first that
   * is; nothing at the top, where new ones may come in.
   * @returns {{key: string, offset: number}|null}
   */
  #held() {
    const { scrollTop, clientHeight } = this.host;
    const { current } = this.parts.selection;
    const [first, end] = rowsInSight(this.layout, scrollTop, clientHeight, 0);
    const seen = this.facts.slice(first * this.columns, end * this.columns);
    const at = seen.findIndex(({ item }) => item.key === current);
    if (scrollTop <= 0 && at < 0) return null;
    const key = seen[Math.max(0, at)]?.item.key;
    const row = first + Math.floor(Math.max(0, at) / this.columns);
    return key ? { key, offset: scrollTop - row * this.layout.rowHeight } : null;
  }

  /** @param {{key: string, offset: number}|null} [held] */
  #measure(held = this.#held()) {
    const style = getComputedStyle(this.host);
    const width = this.host.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
    if (width <= 0) return;
    const before = this.layout.tile;
    this.layout = layOut(width, this.facts.length, SIDES[this.size]);
    this.sheet.style.height = `${this.layout.height}px`;
    this.host.style.setProperty("--columns", String(this.layout.columns));
    this.host.setAttribute("aria-rowcount", String(this.layout.rows));
    this.host.setAttribute("aria-colcount", String(this.layout.columns));
    const place = held ? (this.parts.selection.index.get(held.key) ?? -1) : -1;
    if (held && place >= 0) this.host.scrollTop = Math.floor(place / this.columns) * this.layout.rowHeight + held.offset;
    this.lastTop = this.host.scrollTop;
    // Tiles of another size: what was in sight by its upper edge alone is shown whole.
    if (before !== this.layout.tile && held?.key === this.parts.selection.current) this.reveal();
    else this.draw();
  }

  #scrolled() {
    const { scrollTop } = this.host;
    if (scrollTop !== this.lastTop) this.direction = scrollTop > this.lastTop ? 1 : -1;
    this.lastTop = scrollTop;
    this.draw();
  }

  /** The current tile into sight. */
  reveal() {
    const place = this.parts.selection.currentIndex;
    if (place < 0) return;
    this.host.scrollTop = scrollTo(this.layout, Math.floor(place / this.columns), this.host.scrollTop, this.host.clientHeight);
    this.draw();
  }

  draw() {
    const { layout, host } = this;
    const [first, end] = rowsInSight(layout, host.scrollTop, host.clientHeight, SPARE_ROWS);
    const current = this.parts.selection.currentIndex;
    const wanted = new Set(Array.from({ length: end - first }, (_, step) => first + step));
    if (current >= 0) wanted.add(Math.floor(current / layout.columns)); // which the grid names, wherever it is scrolled to
    for (const [row, element] of this.rows) {
      if (wanted.has(row)) continue;
      element.remove();
      this.rows.delete(row);
    }
    for (const row of [...wanted].sort((a, b) => a - b)) this.#drawRow(row);
    this.#forget();
    const key = this.parts.selection.current;
    if (key) host.setAttribute("aria-activedescendant", tileId(key));
    else host.removeAttribute("aria-activedescendant");
    this.#load();
  }

  /** @param {number} row */
  #drawRow(row) {
    const { columns, rowHeight } = this.layout;
    let element = this.rows.get(row);
    if (!element) {
      element = el("div", { role: "row", class: "g-row", "aria-rowindex": row + 1 });
      const later = [...this.rows.keys()].filter((other) => other > row);
      this.sheet.insertBefore(element, later.length ? (this.rows.get(Math.min(...later)) ?? null) : null);
      this.rows.set(row, element);
    }
    element.style.top = `${row * rowHeight}px`;
    const cells = this.facts.slice(row * columns, (row + 1) * columns).map((facts, column) => this.#tileOf(facts, column).element);
    if (cells.length !== element.children.length || cells.some((cell, at) => cell !== element.children[at]))
      element.replaceChildren(...cells);
  }

  /** @param {Facts} facts @param {number} column */
  #tileOf(facts, column) {
    const { selection, store, loader } = this.parts;
    const { key } = facts.item;
    let tile = this.tiles.get(key);
    if (!tile) {
      tile = new Tile(() => loader.tryAgain());
      this.tiles.set(key, tile);
    }
    tile.update(facts, {
      column,
      isChosen: store.judges ? selection.chosen.has(key) : null,
      isCurrent: key === selection.current,
      others: store.others(key).map(({ label }) => label),
    });
    this.#paint(facts, tile);
    return tile;
  }

  /** Tiles whose rows are gone. */
  #forget() {
    for (const [key, { element }] of this.tiles) if (!element.isConnected) this.tiles.delete(key);
  }

  /** @param {Facts} facts */
  #urlOf({ item }) {
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    return this.parts.crops.url(item, "near", Math.min(MOST_PX, Math.round(SIDES[this.size] * ratio)));
  }

  #load() {
    const { host, facts, layout } = this;
    if (!host.clientHeight) return;
    const places = placesToLoad(layout, facts.length, host.scrollTop, host.clientHeight, this.direction);
    this.parts.loader.want(places.map((place) => this.#urlOf(facts[place])));
  }

  /** @param {string} url */
  #loaded(url) {
    for (const row of this.rows.keys())
      for (const facts of this.facts.slice(row * this.columns, (row + 1) * this.columns)) {
        const tile = this.tiles.get(facts.item.key);
        if (tile && this.#urlOf(facts) === url) this.#paint(facts, tile);
      }
  }

  /** @param {Facts} facts @param {Tile} tile */
  #paint(facts, tile) {
    const found = this.parts.loader.find(this.#urlOf(facts));
    tile.showFailed(found?.state === "failed");
    if (found?.state !== "ready") return;
    if (this.isExplained && facts.item.explained) this.#explain(facts, tile, found.picture);
    else tile.paint(found.picture);
  }

  /** Where there is a map of evidence it lies over the grey crop. @param {Facts} facts @param {Tile} tile @param {ImageBitmap} picture */
  async #explain({ item }, tile, picture) {
    const url = `${this.parts.api}detections/${item.id}/explanation/mitosis.png`;
    if (tile.painted === url) return;
    try {
      const map = await this.parts.explanations.map(url);
      if (!this.isExplained || this.tiles.get(item.key) !== tile) return;
      tile.painted = url;
      tile.canvas.width = tile.canvas.height = picture.width;
      paint(tile.canvas, picture, map, PATCH_UM / (this.parts.crops.nearUm ?? 64), 1);
    } catch (error) {
      if (/** @type {{status?: number}} */ (error).status === undefined) throw error;
      tile.paint(picture); // the crop without its map, which the viewer can ask for
    }
  }

  /** `g` */
  toggleExplained() {
    this.isExplained = !this.isExplained;
    for (const tile of this.tiles.values()) tile.painted = null;
    this.draw();
  }

  focus() {
    this.host.focus({ preventScroll: true });
  }
}
