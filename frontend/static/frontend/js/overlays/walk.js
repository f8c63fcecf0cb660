/** Fields of the microscope: those looked at softly hatched, the one looked at now as a reticle. */

import { apply } from "../viewer/geometry.js";

/**
 * @typedef {import("../viewer/geometry.js").Affine} Affine
 * @typedef {{x_l0: number, y_l0: number, radius_um: number}} Circle
 * @typedef {{x: number, y: number}} Mpp
 */

const CASING = "rgba(10, 11, 12, 0.75)";
const HATCH = "rgba(31, 95, 204, 0.34)";
const RIM = "rgba(31, 95, 204, 0.5)";
const HATCH_STEP_PX = 9;
const TICK_PX = 14;

/** A circle on the glass is an ellipse where pixels are not square. @param {CanvasRenderingContext2D} ctx @param {Affine} m @param {Circle} circle @param {Mpp} mpp */
function trace(ctx, m, { x_l0, y_l0, radius_um }, mpp) {
  const [x, y] = apply(m, x_l0, y_l0);
  const [rx, ry] = [(radius_um / mpp.x) * Math.hypot(m.a, m.b), (radius_um / mpp.y) * Math.hypot(m.c, m.d)];
  const turn = Math.atan2(m.b, m.a);
  ctx.moveTo(x + rx * Math.cos(turn), y + rx * Math.sin(turn));
  ctx.ellipse(x, y, rx, ry, turn, 0, 2 * Math.PI);
  return { x, y, rx, ry, turn };
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Circle[]} looks @param {Mpp} mpp
 * @param {number} width @param {number} height of the canvas
 */
export function drawLooks(ctx, affine, looks, mpp, width, height) {
  ctx.save();
  ctx.beginPath();
  for (const look of looks) trace(ctx, affine, look, mpp);
  ctx.strokeStyle = RIM;
  ctx.lineWidth = 1;
  ctx.stroke();
  ctx.clip();
  ctx.beginPath();
  // The lines belong to the glass: they move with it. One set for all, so that fields that overlap are no darker.
  const from = (((affine.e + affine.f) % HATCH_STEP_PX) + HATCH_STEP_PX) % HATCH_STEP_PX;
  for (let at = from - HATCH_STEP_PX; at < width + height; at += HATCH_STEP_PX) {
    ctx.moveTo(at, 0);
    ctx.lineTo(at - height, height);
  }
  ctx.strokeStyle = HATCH;
  ctx.lineWidth = 1.2;
  ctx.stroke();
  ctx.restore();
}

/** A ring with ticks at its four sides; nothing lies in it. @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Circle} field @param {Mpp} mpp */
export function drawReticle(ctx, affine, field, mpp) {
  ctx.beginPath();
  const { x, y, rx, ry, turn } = trace(ctx, affine, field, mpp);
  for (const quarter of [0, 1, 2, 3]) {
    const r = quarter % 2 ? ry : rx;
    const angle = turn + (quarter * Math.PI) / 2;
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
    ctx.moveTo(x + dx * r, y + dy * r);
    ctx.lineTo(x + dx * (r - TICK_PX), y + dy * (r - TICK_PX));
  }
  for (const [colour, line] of /** @type {[string, number][]} */ ([
    [CASING, 3.6],
    ["#fff", 1.4],
  ])) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = line;
    ctx.stroke();
  }
}
