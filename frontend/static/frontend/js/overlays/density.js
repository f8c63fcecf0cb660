/** Far out, marks would cover each other: a raster of how many there are, on a grid fixed to the slide. */

import { apply } from "../viewer/geometry.js";
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
    this.#cells = [...cells.values()];
  }

  /**
   * @param {CanvasRenderingContext2D} ctx
   * @param {import("../viewer/geometry.js").Affine} affine
   * @param {number} scale CSS pixels per level-0 pixel
   * @param {Iterable<Spot>} spots
   * @param {number} version
   */
  draw(ctx, affine, scale, spots, version) {
    const cell_l0 = 2 ** Math.round(Math.log2(CELL_PX / scale));
    this.#update(spots, version, cell_l0);
    const size = cell_l0 * scale;
    const angle = Math.atan2(affine.b, affine.a);
    for (const { column, row, count, open } of this.#cells) {
      const [x, y] = apply(affine, (column + 0.5) * cell_l0, (row + 0.5) * cell_l0);
      ctx.save();
      ctx.translate(x, y);
      ctx.rotate(angle);
      const half = size / 2 - 0.5;
      ctx.fillStyle = `rgba(${COLOURS.dark}, 0.6)`;
      ctx.fillRect(-half - 1, -half - 1, 2 * half + 2, 2 * half + 2);
      ctx.globalAlpha = Math.min(1, 0.5 + 0.16 * count);
      ctx.fillStyle = open ? COLOURS.open : COLOURS.yes;
      ctx.fillRect(-half, -half, 2 * half, 2 * half);
      ctx.restore();
    }
  }
}
