/** Tumour areas: a quiet line of dashes and dots, with name and hand; and what is being drawn, in the colour of what is not kept yet. */

import { apply } from "../viewer/geometry.js";

/**
 * @typedef {import("../viewer/geometry.js").Affine} Affine
 * @typedef {import("../viewer/geometry.js").Point} Point
 * @typedef {{rings: Point[][], label: string}} Outlined
 * @typedef {{rings: Point[][], path: Point[], cursor: Point|null, line: Point[]|null, brush: {way: Point[], radius_um: number, mpp: {x: number, y: number}, removes: boolean}|null,
 *   handles: {least_px: number, chosen: Point|null}|null}} Shown
 */

const CASING = "rgba(10, 11, 12, 0.75)";
const QUIET = "rgba(255, 255, 255, 0.86)";
const NEW = "#78abff";
const NEW_FILL = "rgba(120, 171, 255, 0.16)";
const AWAY = "#ff8178";
const AWAY_FILL = "rgba(255, 129, 120, 0.24)";
const LABEL_LEAST_PX = 60; // areas that are narrower on the screen have no name there

/** @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Point[]} line @param {boolean} closed */
function trace(ctx, affine, line, closed) {
  line.forEach((point, index) => {
    const [x, y] = apply(affine, ...point);
    if (index) ctx.lineTo(x, y);
    else ctx.moveTo(x, y);
  });
  if (closed) ctx.closePath();
}

/** @param {CanvasRenderingContext2D} ctx @param {string} colour @param {number[]} dash @param {number} [width] */
function stroke(ctx, colour, dash, width = 1.6) {
  ctx.setLineDash([]);
  ctx.strokeStyle = CASING;
  ctx.lineWidth = width + 2;
  ctx.stroke();
  ctx.setLineDash(dash);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.stroke();
  ctx.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Outlined[]} areas */
export function drawAreas(ctx, affine, areas) {
  for (const { rings, label } of areas) {
    ctx.beginPath();
    for (const ring of rings) trace(ctx, affine, ring, true);
    stroke(ctx, QUIET, [12, 4, 2, 4]);
    drawLabel(ctx, affine, rings[0], label);
  }
}

/** Above the highest point on the screen. @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Point[]} ring @param {string} label */
function drawLabel(ctx, affine, ring, label) {
  const points = ring.map((point) => apply(affine, ...point));
  const xs = points.map(([x]) => x);
  if (Math.max(...xs) - Math.min(...xs) < LABEL_LEAST_PX) return;
  const [x, y] = points.reduce((top, point) => (point[1] < top[1] ? point : top));
  ctx.font = '500 11px "IBM Plex Sans", sans-serif';
  ctx.textBaseline = "middle";
  const width = ctx.measureText(label).width + 12;
  ctx.fillStyle = "rgba(12, 12, 13, 0.7)";
  ctx.beginPath();
  ctx.roundRect(x - width / 2, y - 24, width, 18, 3);
  ctx.fill();
  ctx.fillStyle = "#d4d5d8";
  ctx.fillText(label, x - width / 2 + 6, y - 15);
}

/** @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Shown} shown */
export function drawDrawing(ctx, affine, shown) {
  const { rings, path, cursor, line, brush, handles } = shown;
  if (rings.length) {
    ctx.beginPath();
    for (const ring of rings) trace(ctx, affine, ring, true);
    ctx.fillStyle = NEW_FILL;
    ctx.fill("evenodd");
    stroke(ctx, NEW, []);
  }
  if (line) {
    ctx.beginPath();
    trace(ctx, affine, line, false);
    stroke(ctx, NEW, []);
  }
  if (path.length) drawPath(ctx, affine, path, cursor);
  if (brush) drawBrush(ctx, affine, brush);
  if (handles) drawHandles(ctx, affine, rings, handles);
}

/** @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Point[]} path @param {Point|null} cursor */
function drawPath(ctx, affine, path, cursor) {
  ctx.beginPath();
  trace(ctx, affine, cursor ? [...path, cursor] : path, false);
  stroke(ctx, NEW, [4, 3]);
  for (const point of path) drawSquare(ctx, affine, point, 5, NEW);
}

/** Round on the glass, whatever the pixels are. @param {CanvasRenderingContext2D} ctx @param {Affine} m @param {NonNullable<Shown["brush"]>} brush */
function drawBrush(ctx, m, { way, radius_um, mpp, removes }) {
  const on = way.map(([x, y]) => [x * mpp.x, y * mpp.y]);
  ctx.save();
  ctx.transform(m.a / mpp.x, m.b / mpp.x, m.c / mpp.y, m.d / mpp.y, m.e, m.f);
  if (on.length > 1) {
    ctx.beginPath();
    for (const [x, y] of on) ctx.lineTo(x, y);
    Object.assign(ctx, {
      lineWidth: 2 * radius_um,
      lineCap: "round",
      lineJoin: "round",
      strokeStyle: removes ? AWAY_FILL : NEW_FILL,
    });
    ctx.stroke();
  }
  const [x, y] = on[on.length - 1];
  ctx.beginPath();
  ctx.arc(x, y, radius_um, 0, 2 * Math.PI);
  ctx.restore();
  stroke(ctx, removes ? AWAY : NEW, [], 1.2);
}

/** @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Point[][]} rings @param {NonNullable<Shown["handles"]>} handles */
function drawHandles(ctx, affine, rings, { least_px, chosen }) {
  for (const ring of rings) {
    ring.forEach((point, index) => {
      const next = ring[(index + 1) % ring.length];
      const [[x, y], [toX, toY]] = [apply(affine, ...point), apply(affine, ...next)];
      drawSquare(ctx, affine, point, 6, "#fff");
      if (Math.hypot(toX - x, toY - y) > least_px) drawDot(ctx, (x + toX) / 2, (y + toY) / 2);
    });
  }
  if (chosen) drawSquare(ctx, affine, chosen, 10, NEW);
}

/** @param {CanvasRenderingContext2D} ctx @param {Affine} affine @param {Point} at @param {number} side @param {string} colour */
function drawSquare(ctx, affine, at, side, colour) {
  const [x, y] = apply(affine, ...at);
  ctx.fillStyle = CASING;
  ctx.fillRect(x - side / 2 - 1.5, y - side / 2 - 1.5, side + 3, side + 3);
  ctx.fillStyle = colour;
  ctx.fillRect(x - side / 2, y - side / 2, side, side);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y */
function drawDot(ctx, x, y) {
  ctx.beginPath();
  ctx.arc(x, y, 3, 0, 2 * Math.PI);
  stroke(ctx, "#fff", [], 1.2);
}
