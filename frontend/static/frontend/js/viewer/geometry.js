/**
 * Pure geometry of the viewer. Two planes: level-0 pixels of the slide (`x_l0`, `y_l0`) and CSS pixels of the canvas (`x`, `y`).
 * @typedef {[number, number]} Point
 * @typedef {{a: number, b: number, c: number, d: number, e: number, f: number}} Affine x = a·x_l0 + c·y_l0 + e; y = b·x_l0 + d·y_l0 + f
 */

/** 40x stands for 0.25 µm per pixel of the screen, 20x for 0.5 µm. */
const POWER_TIMES_MPP = 10;

/** @param {number} mppOfScreen µm per CSS pixel */
export const powerOf = (mppOfScreen) => POWER_TIMES_MPP / mppOfScreen;
/** @param {number} power */
export const mppOf = (power) => POWER_TIMES_MPP / power;

/** @param {Affine} m @param {number} x_l0 @param {number} y_l0 @returns {Point} */
export const apply = (m, x_l0, y_l0) => [m.a * x_l0 + m.c * y_l0 + m.e, m.b * x_l0 + m.d * y_l0 + m.f];

/** @param {Affine} m @param {number} x @param {number} y @returns {Point} */
export function invert(m, x, y) {
  const det = m.a * m.d - m.b * m.c;
  const dx = x - m.e;
  const dy = y - m.f;
  return [(m.d * dx - m.c * dy) / det, (m.a * dy - m.b * dx) / det];
}

/** CSS pixels per level-0 pixel. @param {Affine} m */
export const scaleOf = (m) => Math.hypot(m.a, m.b);

/** Of a polygon without crossings, in square pixels. @param {Point[]} polygon */
export function areaOf(polygon) {
  const doubled = polygon.reduce((sum, [x, y], at) => {
    const [nextX, nextY] = polygon[(at + 1) % polygon.length];
    return sum + x * nextY - nextX * y;
  }, 0);
  return Math.abs(doubled) / 2;
}

/**
 * The box of level-0 pixels that a canvas shows.
 * @param {Affine} m @param {number} width @param {number} height @param {number} [margin] in CSS pixels
 * @returns {[number, number, number, number]} min x, min y, max x, max y
 */
export function visibleBox(m, width, height, margin = 0) {
  const corners = [
    [-margin, -margin],
    [width + margin, -margin],
    [-margin, height + margin],
    [width + margin, height + margin],
  ];
  const at = corners.map(([x, y]) => invert(m, x, y));
  const xs = at.map((p) => p[0]);
  const ys = at.map((p) => p[1]);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/**
 * Even-odd rule.
 * @param {Point[]} polygon @param {number} x @param {number} y
 */
export function inside(polygon, x, y) {
  let within = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i];
    const [xj, yj] = polygon[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}

/**
 * A length for a scale bar: 1, 2 or 5 times a power of ten, at most `longest`.
 * @param {number} longest
 */
export function barLength(longest) {
  const decade = 10 ** Math.floor(Math.log10(longest));
  const step = [5, 2, 1].find((factor) => factor * decade <= longest) ?? 1;
  return step * decade;
}
