/**
 * Where marks would cover each other: a raster of how many there are, on a grid fixed to the slide. It is painted once for
 * what is in view and a margin around, and a frame only places that picture; panning paints anew when the margin is used up.
 */

import { COLOURS } from "./shapes.js";

const CELL_PX = 9;
const PAINTED_CELL_PX = 12; // device pixels of a cell in the picture: enough for the largest a cell becomes on the screen
const MARGIN = 0.35; // of the view's width and height, on each side
const COUNTED = new Set(["open", "yes", "added", "unsure", "differ"]);

/**
 * @typedef {{x_l0: number, y_l0: number, state: string}} Spot
 * @typedef {{column: number, row: number, count: number, open: number}} Cell
 * @typedef {[number, number, number, number]} Box min x, min y, max x, max y
 */

export class Density {
  #cells = /** @type {Cell[]} */ ([]);
  #made = "";
  /** Of the picture: columns and rows of the grid. @type {Box} */
  #painted = [0, 0, 0, 0];
  #picture = document.createElement("canvas");

  /**
   * @param {Spot[]} spots
   * @param {(state: string) => boolean} shows
   * @param {number} cell_l0
   */
  #count(spots, shows, cell_l0) {
    /** @type {Map<number, Cell>} */
    const cells = new Map();
    for (const { x_l0, y_l0, state } of spots) {
      if (!COUNTED.has(state) || !shows(state)) continue;
      const column = Math.floor(x_l0 / cell_l0);
      const row = Math.floor(y_l0 / cell_l0);
      const place = row * 2 ** 26 + column;
      let cell = cells.get(place);
      if (!cell) cells.set(place, (cell = { column, row, count: 0, open: 0 }));
      cell.count += 1;
      if (state === "open") cell.open += 1;
    }
    this.#cells = [...cells.values()].sort((a, b) => Math.sign(a.open) - Math.sign(b.open) || a.count - b.count);
  }

  /** Cells of one look come together, so that the canvas changes its style a few times only. @param {Box} window in cells */
  #paint(window) {
    const [left, top, right, bottom] = (this.#painted = window);
    const size = PAINTED_CELL_PX;
    Object.assign(this.#picture, { width: (right - left) * size, height: (bottom - top) * size });
    const ctx = /** @type {CanvasRenderingContext2D} */ (this.#picture.getContext("2d"));
    const seen = this.#cells.filter(({ column, row }) => column >= left && row >= top && column < right && row < bottom);
    ctx.fillStyle = `rgba(${COLOURS.dark}, 0.6)`;
    for (const { column, row } of seen) ctx.fillRect((column - left) * size, (row - top) * size, size, size);
    let look = "";
    for (const { column, row, count, open } of seen) {
      const wanted = `${Math.sign(open)} ${Math.min(4, count)}`;
      if (wanted !== look) {
        ctx.fillStyle = open ? COLOURS.open : COLOURS.yes;
        ctx.globalAlpha = Math.min(1, 0.5 + 0.16 * count);
        look = wanted;
      }
      ctx.fillRect((column - left) * size + 1, (row - top) * size + 1, size - 2, size - 2);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} ctx
   * @param {import("../viewer/geometry.js").Affine} affine
   * @param {Box} box level-0 pixels in view
   * @param {Spot[]} spots
   * @param {(state: string) => boolean} shows
   * @param {number} version of spots and of what is shown: they are counted anew only when it or the grid changes
   */
  draw(ctx, affine, box, spots, shows, version) {
    const scale = Math.hypot(affine.a, affine.b);
    const cell_l0 = 2 ** Math.round(Math.log2(CELL_PX / scale));
    const [left, top] = [Math.floor(box[0] / cell_l0), Math.floor(box[1] / cell_l0)];
    const [right, bottom] = [Math.ceil(box[2] / cell_l0), Math.ceil(box[3] / cell_l0)];
    const made = `${version} ${cell_l0}`;
    const [paintedLeft, paintedTop, paintedRight, paintedBottom] = this.#painted;
    if (made !== this.#made) this.#count(spots, shows, cell_l0);
    if (made !== this.#made || left < paintedLeft || top < paintedTop || right > paintedRight || bottom > paintedBottom) {
      const [aside, above] = [Math.ceil((right - left) * MARGIN), Math.ceil((bottom - top) * MARGIN)];
      this.#paint([left - aside, top - above, right + aside, bottom + above]);
    }
    this.#made = made;
    if (!this.#cells.length) return;
    const [x, y, toX, toY] = this.#painted;
    ctx.save();
    ctx.transform(affine.a, affine.b, affine.c, affine.d, affine.e, affine.f);
    ctx.drawImage(this.#picture, x * cell_l0, y * cell_l0, (toX - x) * cell_l0, (toY - y) * cell_l0);
    ctx.restore();
  }
}
