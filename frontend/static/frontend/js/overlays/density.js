/**
 * Where marks would cover each other: a raster of how many there are, on a grid fixed to the slide. It is painted once for
 * what is in view and a margin around, and a frame only places that picture; panning paints anew when the margin is used up.
 */

import { COLOURS } from "./shapes.js";

const CELL_PX = 9;
const PAINTED_CELL_PX = CELL_PX; // of the picture; on the screen a cell is 0.7 to 1.4 times as wide
const MARGIN = 0.25; // of the view's width and height, on each side
const COUNTED = new Set(["open", "yes", "added", "unsure", "differ"]);

const MOST_CELLS = 30_000; // up to so many the picture holds all of them, and panning never paints anew
const LOOKS = 4; // one, two, three, more marks in a cell
const ROW = 65_536; // cells of a row in the numbering

/**
 * @typedef {{x_l0: number, y_l0: number, state: string}} Spot
 * @typedef {[number, number, number, number]} Box min x, min y, max x, max y
 * @typedef {{columns: Int32Array, rows: Int32Array, looks: Uint8Array, size: number, extent: Box}} Cells
 */

export class Density {
  /** By the size of a cell. @type {Map<number, Cells>} */
  #counted = new Map();
  #version = -1;
  #painted = { cell_l0: 0, window: /** @type {Box} */ ([0, 0, 0, 0]) };
  #picture = document.createElement("canvas");
  #looks = /** @type {ImageBitmap[]|null} */ (null);

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
    if (version !== this.#version) {
      this.#counted.clear();
      this.#painted.cell_l0 = 0;
      this.#version = version;
    }
    let cells = this.#counted.get(cell_l0);
    if (!cells) {
      cells = count(spots, shows, cell_l0);
      this.#counted.set(cell_l0, cells);
    }
    const inView = common(
      [Math.floor(box[0] / cell_l0), Math.floor(box[1] / cell_l0), Math.ceil(box[2] / cell_l0), Math.ceil(box[3] / cell_l0)],
      cells.extent,
    );
    if (areaOf(inView) === 0) return;
    if (this.#painted.cell_l0 !== cell_l0 || !within(inView, this.#painted.window)) this.#paint(cells, cell_l0, inView);
    const [left, top, right, bottom] = this.#painted.window;
    ctx.save();
    ctx.transform(affine.a, affine.b, affine.c, affine.d, affine.e, affine.f);
    ctx.drawImage(this.#picture, left * cell_l0, top * cell_l0, (right - left) * cell_l0, (bottom - top) * cell_l0);
    ctx.restore();
  }

  /** @param {Cells} cells @param {number} cell_l0 @param {Box} inView columns and rows in view */
  #paint({ columns, rows, looks, size, extent }, cell_l0, inView) {
    const [aside, above] = [Math.ceil((inView[2] - inView[0]) * MARGIN), Math.ceil((inView[3] - inView[1]) * MARGIN)];
    const around = common([inView[0] - aside, inView[1] - above, inView[2] + aside, inView[3] + above], extent);
    const [left, top, right, bottom] = areaOf(extent) <= MOST_CELLS ? extent : around;
    this.#painted = { cell_l0, window: [left, top, right, bottom] };
    this.#looks ??= pictures();
    const side = PAINTED_CELL_PX;
    const [width, height] = [(right - left) * side, (bottom - top) * side];
    const ctx = /** @type {CanvasRenderingContext2D} */ (this.#picture.getContext("2d"));
    if (this.#picture.width === width && this.#picture.height === height) ctx.clearRect(0, 0, width, height);
    else Object.assign(this.#picture, { width, height });
    for (let i = 0; i < size; i += 1) {
      const [column, row] = [columns[i], rows[i]];
      if (column >= left && row >= top && column < right && row < bottom)
        ctx.drawImage(this.#looks[looks[i]], (column - left) * side, (row - top) * side);
    }
  }
}

/** What two boxes share; without area where they share nothing. @param {Box} a @param {Box} b @returns {Box} */
const common = (a, b) => [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];

/** @param {Box} box */
const areaOf = ([left, top, right, bottom]) => Math.max(0, right - left) * Math.max(0, bottom - top);

/** @param {Box} inner @param {Box} outer */
const within = (inner, outer) => inner[0] >= outer[0] && inner[1] >= outer[1] && inner[2] <= outer[2] && inner[3] <= outer[3];

/** @param {Spot[]} spots @param {(state: string) => boolean} shows @param {number} cell_l0 @returns {Cells} */
function count(spots, shows, cell_l0) {
  const [columns, rows] = [new Int32Array(spots.length), new Int32Array(spots.length)];
  const [all, open] = [new Uint16Array(spots.length), new Uint16Array(spots.length)];
  const shown = new Set([...COUNTED].filter(shows));
  const extent = /** @type {Box} */ ([Infinity, Infinity, -Infinity, -Infinity]);
  /** @type {Map<number, number>} */
  const places = new Map();
  for (const { x_l0, y_l0, state } of spots) {
    if (!shown.has(state)) continue;
    const column = Math.floor(x_l0 / cell_l0);
    const row = Math.floor(y_l0 / cell_l0);
    const place = row * ROW + column;
    let i = places.get(place);
    if (i === undefined) {
      i = places.size;
      places.set(place, i);
      columns[i] = column;
      rows[i] = row;
      extent[0] = Math.min(extent[0], column);
      extent[1] = Math.min(extent[1], row);
      extent[2] = Math.max(extent[2], column + 1);
      extent[3] = Math.max(extent[3], row + 1);
    }
    all[i] += 1;
    if (state === "open") open[i] += 1;
  }
  const looks = Uint8Array.from({ length: places.size }, (_, i) => (open[i] ? LOOKS : 0) + Math.min(LOOKS, all[i]) - 1);
  return { columns, rows, looks, size: places.size, extent };
}

/** A cell of each look: first those of judged marks, then those with an open one; the more marks, the fuller. */
function pictures() {
  return [COLOURS.yes, COLOURS.open].flatMap((colour) =>
    Array.from({ length: LOOKS }, (_, i) => {
      const side = PAINTED_CELL_PX;
      const canvas = new OffscreenCanvas(side, side);
      const ctx = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
      ctx.fillStyle = `rgba(${COLOURS.dark}, 0.6)`;
      ctx.fillRect(0, 0, side, side);
      ctx.fillStyle = colour;
      ctx.globalAlpha = Math.min(1, 0.5 + 0.16 * (i + 1));
      ctx.fillRect(1, 1, side - 2, side - 2);
      return canvas.transferToImageBitmap();
    }),
  );
}
