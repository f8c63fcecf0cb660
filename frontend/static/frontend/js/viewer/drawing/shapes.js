/**
 * Areas as lists of rings in level-0 pixels, none with a repeated last point: what lies in an odd number of them is in the area.
 * Round and near are meant on the glass, where pixels need not be square.
 */

import { ClipType, FillRule } from "../../../vendor/clipper2-ts-2.0.1/Core.js";
import { Clipper64 } from "../../../vendor/clipper2-ts-2.0.1/Engine.js";
import { ClipperOffset, EndType, JoinType } from "../../../vendor/clipper2-ts-2.0.1/Offset.js";
import { areaOf, inside } from "../geometry.js";

/**
 * @typedef {import("../geometry.js").Point} Point
 * @typedef {Point[]} Ring
 * @typedef {{x: number, y: number}} Mpp µm per level-0 pixel; 1 and 1 on a slide without a pixel size
 * @typedef {{ring: number, index: number}} Vertex
 * @typedef {Vertex & {isMiddle: boolean, at: Point}} Handle isMiddle: of the edge that begins at the vertex
 */

const GRID = 10; // steps in a pixel: the clipper counts in whole numbers
const ROUNDNESS = 0.003; // of the radius: about forty corners in a circle
export const LEAST_AREA_PX = 100; // what the server keeps

/** @param {Ring[]} rings */
const toGrid = (rings) => rings.map((ring) => ring.map(([x, y]) => ({ x: Math.round(x * GRID), y: Math.round(y * GRID) })));

/** @param {{x: number, y: number}[][]} paths @returns {Ring[]} */
const fromGrid = (paths) => paths.map((path) => path.map(({ x, y }) => /** @type {Point} */ ([x / GRID, y / GRID])));

/** @param {Ring[]} rings @param {Ring[]} others @param {ClipType} how */
function clip(rings, others, how) {
  const clipper = new Clipper64();
  clipper.addSubject(toGrid(rings));
  clipper.addClip(toGrid(others));
  /** @type {{x: number, y: number}[][]} */
  const found = [];
  clipper.execute(how, FillRule.EvenOdd, found);
  return fromGrid(found).filter((ring) => areaOf(ring) >= LEAST_AREA_PX);
}

/** What both cover. @param {Ring[]} rings @param {Ring[]} more */
export const join = (rings, more) => clip(rings, more, ClipType.Union);
/** What is left of the first. @param {Ring[]} rings @param {Ring[]} less */
export const cut = (rings, less) => clip(rings, less, ClipType.Difference);

/** @param {Ring[]} rings @param {number} width @param {number} height of the slide */
export function clipToSlide(rings, width, height) {
  const isOn = rings.every((ring) => ring.every(([x, y]) => x >= 0 && y >= 0 && x <= width && y <= height));
  if (isOn) return rings;
  const slide = /** @type {Ring} */ ([
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
  ]);
  return clip(rings, [slide], ClipType.Intersection);
}

/**
 * What a round brush covers on its way.
 * @param {Point[]} way @param {number} radius_um @param {Mpp} mpp @returns {Ring[]}
 */
export function strokeRings(way, radius_um, mpp) {
  const path = way.map(([x, y]) => ({ x: Math.round(x * mpp.x * GRID), y: Math.round(y * mpp.y * GRID) }));
  const offset = new ClipperOffset(2, radius_um * GRID * ROUNDNESS);
  offset.addPath(path, JoinType.Round, EndType.Round);
  /** @type {{x: number, y: number}[][]} */
  const found = [];
  offset.execute(radius_um * GRID, found);
  return fromGrid(found).map((ring) => ring.map(([x, y]) => [x / mpp.x, y / mpp.y]));
}

/** In µm² on the glass. @param {Ring[]} rings @param {Mpp} mpp */
export function areaOfRings(rings, mpp) {
  const sum = rings.reduce((total, ring, at) => {
    const [x, y] = middleOf(ring[0], ring[1]);
    const around = rings.filter((other, index) => index !== at && inside(other, x, y)).length;
    return total + (around % 2 ? -1 : 1) * areaOf(ring);
  }, 0);
  return sum * mpp.x * mpp.y;
}

/** Whether a place is in the area. @param {Ring[]} rings @param {number} x @param {number} y */
export const isInArea = (rings, x, y) => rings.filter((ring) => inside(ring, x, y)).length % 2 === 1;

/** @param {Point} a @param {Point} b @returns {Point} */
const middleOf = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

/**
 * A line without the points that lie nearer to it than the tolerance (Douglas and Peucker, 1973).
 * @param {Point[]} line @param {number} tolerance_um @param {Mpp} mpp @returns {Point[]}
 */
export function simplify(line, tolerance_um, mpp) {
  if (line.length < 3) return line;
  const on = line.map(([x, y]) => /** @type {Point} */ ([x * mpp.x, y * mpp.y]));
  const keeps = new Uint8Array(line.length);
  keeps[0] = keeps[line.length - 1] = 1;
  const open = [[0, line.length - 1]];
  for (let piece = open.pop(); piece; piece = open.pop()) {
    const [from, to] = piece;
    let [far, most] = [0, tolerance_um];
    for (let i = from + 1; i < to; i++) {
      const away = distanceToEdge(on[i], on[from], on[to]);
      if (away > most) [far, most] = [i, away];
    }
    if (!far) continue;
    keeps[far] = 1;
    open.push([from, far], [far, to]);
  }
  return line.filter((_, index) => keeps[index]);
}

/** @param {Point} p @param {Point} a @param {Point} b */
function distanceToEdge([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

/** Whether an outline that was set corner by corner crosses or touches itself. @param {Ring} ring */
export const crossesItself = (ring) => ring.some((_, index) => edgeMeets([ring], { ring: 0, index }));

/** Whether the two edges at a vertex meet another edge. @param {Ring[]} rings @param {Vertex} vertex */
export function vertexMeets(rings, { ring, index }) {
  const count = rings[ring].length;
  return edgeMeets(rings, { ring, index }) || edgeMeets(rings, { ring, index: (index + count - 1) % count });
}

/** @param {Ring[]} rings @param {Vertex} edge that begins there */
function edgeMeets(rings, edge) {
  const own = rings[edge.ring];
  const [a, b] = [own[edge.index], own[(edge.index + 1) % own.length]];
  return rings.some((ring, number) =>
    ring.some((c, index) => {
      const gap = (index - edge.index + ring.length) % ring.length;
      const isNeighbour = number === edge.ring && (gap < 2 || gap === ring.length - 1);
      return !isNeighbour && segmentsMeet(a, b, c, ring[(index + 1) % ring.length]);
    }),
  );
}

/** @param {Point} a @param {Point} b @param {Point} c */
const turn = (a, b, c) => Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));

/** Crossing or touching; of edges along one line their neighbours touch. @param {Point} a @param {Point} b @param {Point} c @param {Point} d */
const segmentsMeet = (a, b, c, d) => turn(a, b, c) !== turn(a, b, d) && turn(c, d, a) !== turn(c, d, b);

/**
 * The vertex nearest to a place, or the middle of an edge where that is nearer and the edge is long enough to have one.
 * @param {Ring[]} rings @param {Point} at @param {number} reach_l0 @param {number} longest_l0 of edges without a middle
 * @returns {Handle|null}
 */
export function nearestHandle(rings, at, reach_l0, longest_l0) {
  /** @type {Handle|null} */
  let found = null;
  let least = reach_l0;
  const look = (/** @type {Handle} */ handle) => {
    const away = Math.hypot(handle.at[0] - at[0], handle.at[1] - at[1]);
    if (away <= least) [found, least] = [handle, away];
  };
  rings.forEach((points, ring) => {
    points.forEach((point, index) => {
      const next = points[(index + 1) % points.length];
      look({ ring, index, isMiddle: false, at: point });
      if (hasMiddle(point, next, longest_l0)) look({ ring, index, isMiddle: true, at: middleOf(point, next) });
    });
  });
  return found;
}

/** @param {Point} a @param {Point} b @param {number} longest_l0 of edges without a handle in the middle */
export const hasMiddle = (a, b, longest_l0) => Math.hypot(b[0] - a[0], b[1] - a[1]) > longest_l0;

/**
 * The outline moved as far as the slide goes: its size stays.
 * @param {Ring} polygon @param {number} dx_l0 @param {number} dy_l0 @param {number} width @param {number} height
 * @returns {Ring}
 */
export function moveOnSlide(polygon, dx_l0, dy_l0, width, height) {
  const within = (/** @type {number} */ by, /** @type {number[]} */ values, /** @type {number} */ end) =>
    Math.min(Math.max(by, Math.min(0, -Math.min(...values))), Math.max(0, end - Math.max(...values)));
  const dx = within(
    dx_l0,
    polygon.map(([x]) => x),
    width,
  );
  const dy = within(
    dy_l0,
    polygon.map(([, y]) => y),
    height,
  );
  return polygon.map(([x, y]) => [x + dx, y + dy]);
}
