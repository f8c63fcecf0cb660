/** Far out, marks would cover each other: a raster of how many there are, on a grid fixed to the slide. */

import { COLOURS } from "./shapes.js";

const CELL_PX = 9;
const COUNTED = new Set(["open", "yes", "added", "unsure", "differ"]);

/**
 * @typedef {{x_l0: number, y_l0: number, state: string}} Spot
 * @typedef {{column: number, row: number, count: number, open: number}} Cell
 */

export class Density {
  #cells = /** @type {Cell[]} */ ([]);
  #made = "";

  /**
   * @param {Iterable<Spot>} spots
   * @param {number} version of the spots: the raster is made anew only when it or the grid changes
   * @param {number} cell_l0
   */
  #update(spots, version, cell_l0) {
    const made = `${version} ${cell_l0}`;
    if (made === this.#made) return;
    this.#made = made;
    /** @type {Map<string, Cell>} */
    const cells = new Map();
    for (const { x_l0, y_l0, state } of spots) {
      if (!COUNTED.has(state)) continue;
      const column = Math.floor(x_l0 / cell_l0);
      const row = Math.floor(y_l0 / cell_l0);
      const name = `${column} ${row}`;
      const cell = cells.get(name) ?? { column, row, count: 0, open: 0 };
      cell.count += 1;
      if (state === "open") cell.open += 1;
      cells.set(name, cell);
    }
    this.#cells = [...cells.values()].sort((a, b) => Math.sign(a.open) - Math.sign(b.open) || a.count - b.count);
  }

  /**
   * Drawn in the slide's own plane; cells of one look come together, so that the canvas changes its style a few times only.
   * @param {CanvasRenderingContext2D} ctx
   * @param {import("../viewer/geometry.js").Affine} affine
   * @param {[number, number, number, number]} box level-0 pixels in view
   * @param {Iterable<Spot>} spots
   * @param {number} version
   */
  draw(ctx, affine, box, spots, version) {
    const scale = Math.hypot(affine.a, affine.b);
    const cell_l0 = 2 ** Math.round(Math.log2(CELL_PX / scale));
    this.#update(spots, version, cell_l0);
    const px = 1 / scale;
    const seen = this.#cells.filter(({ column, row }) => {
      const [x, y] = [column * cell_l0, row * cell_l0];
      return x <= box[2] && y <= box[3] && x + cell_l0 >= box[0] && y + cell_l0 >= box[1];
    });
    ctx.save();
    ctx.transform(affine.a, affine.b, affine.c, affine.d, affine.e, affine.f);
    ctx.fillStyle = `rgba(${COLOURS.dark}, 0.6)`;
    for (const { column, row } of seen)
      ctx.fillRect(column * cell_l0 - 0.5 * px, row * cell_l0 - 0.5 * px, cell_l0 + px, cell_l0 + px);
    let look = "";
    for (const { column, row, count, open } of seen) {
      const wanted = `${Math.sign(open)} ${Math.min(4, count)}`;
      if (wanted !== look) {
        ctx.fillStyle = open ? COLOURS.open : COLOURS.yes;
        ctx.globalAlpha = Math.min(1, 0.5 + 0.16 * count);
        look = wanted;
      }
      ctx.fillRect(column * cell_l0 + 0.5 * px, row * cell_l0 + 0.5 * px, cell_l0 - px, cell_l0 - px);
    }
    ctx.restore();
  }
}
