/** The region of the count: white dashed line, outside dimmed; its rival: dotted; the region being drawn; a measured length; the keyboard's cross. */

import { length, whole } from "../lib/format.js";
import { apply } from "../viewer/geometry.js";

/**
 * @typedef {import("../viewer/geometry.js").Affine} Affine
 * @typedef {import("../viewer/geometry.js").Point} Point
 */

const DIM = "rgba(0, 0, 0, 0.3)";
const CASING = "rgba(10, 11, 12, 0.75)";
const CROSS_GAP = 6;
const CROSS_END = 22;

/** @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Point[]} polygon @param {boolean} [close] */
function trace(ctx, affine, polygon, close = true) {
  polygon.forEach(([x_l0, y_l0], index) => {
    const [x, y] = apply(affine, x_l0, y_l0);
    if (index) ctx.lineTo(x, y);
    else ctx.moveTo(x, y);
  });
  if (close) ctx.closePath();
}

/** @param {CanvasRenderingContext2D} ctx @param {number[]} dash */
function strokeWhite(ctx, dash) {
  ctx.setLineDash([]);
  ctx.strokeStyle = CASING;
  ctx.lineWidth = 3.6;
  ctx.stroke();
  ctx.setLineDash(dash);
  ctx.strokeStyle = "#fff";
  ctx.lineWidth = 1.4;
  ctx.stroke();
  ctx.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Point[][]} outlines one, or one of each field; none overlaps another
 * @param {number} width @param {number} height of the canvas
 */
export function drawRegion(ctx, affine, outlines, width, height) {
  ctx.beginPath();
  ctx.rect(0, 0, width, height);
  for (const outline of outlines) trace(ctx, affine, outline);
  ctx.fillStyle = DIM;
  ctx.fill("evenodd");
  ctx.beginPath();
  for (const outline of outlines) trace(ctx, affine, outline);
  strokeWhite(ctx, [7, 5]);
}

/** The window that could still have another score; it may overlap the region. @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Point[][]} outlines */
export function drawRival(ctx, affine, outlines) {
  ctx.beginPath();
  for (const outline of outlines) trace(ctx, affine, outline);
  strokeWhite(ctx, [2, 4]);
}

/** @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {{points: Point[], cursor: Point|null}} draft */
export function drawDraft(ctx, affine, { points, cursor }) {
  const all = cursor ? [...points, cursor] : points;
  ctx.beginPath();
  trace(ctx, affine, all, all.length > 2);
  strokeWhite(ctx, [4, 3]);
  for (const [x_l0, y_l0] of points) {
    const [x, y] = apply(affine, x_l0, y_l0);
    ctx.fillStyle = CASING;
    ctx.fillRect(x - 4, y - 4, 8, 8);
    ctx.fillStyle = "#fff";
    ctx.fillRect(x - 2.5, y - 2.5, 5, 5);
  }
}

/** Four lines about an open middle, so that the cell in it is seen. @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Point} at */
export function drawCross(ctx, affine, at) {
  const [x, y] = apply(affine, ...at);
  ctx.beginPath();
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ]) {
    ctx.moveTo(x + dx * CROSS_GAP, y + dy * CROSS_GAP);
    ctx.lineTo(x + dx * CROSS_END, y + dy * CROSS_END);
  }
  strokeWhite(ctx, []);
}

/** @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {[Point, Point]} ends @param {number|null} mpp */
export function drawMeasure(ctx, affine, [from, to], mpp) {
  ctx.beginPath();
  trace(ctx, affine, [from, to], false);
  strokeWhite(ctx, []);
  const px = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const text = mpp ? length(px * mpp) : `${whole(px)} px`;
  const [x, y] = apply(affine, (from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
  ctx.font = '600 12px "IBM Plex Sans", sans-serif';
  const width = ctx.measureText(text).width + 14;
  ctx.fillStyle = "rgba(12, 12, 13, 0.86)";
  ctx.fillRect(x - width / 2, y - 30, width, 20);
  ctx.fillStyle = "#ededee";
  ctx.textBaseline = "middle";
  ctx.fillText(text, x - width / 2 + 7, y - 20);
}
