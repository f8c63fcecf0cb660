/** The position in the address, #x=&y=&z=&r=: level-0 centre, objective power (or "0.5px" without a pixel size), degrees. */

/**
 * @typedef {{x_l0: number, y_l0: number, power: number|null, ratio: number|null, degrees: number}} Position
 */

/**
 * @param {string} hash
 * @returns {Position|null} null where the address names no position
 */
export function readPosition(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const x_l0 = Number.parseFloat(fields.get("x") ?? "");
  const y_l0 = Number.parseFloat(fields.get("y") ?? "");
  if (!Number.isFinite(x_l0) || !Number.isFinite(y_l0)) return null;
  const z = fields.get("z") ?? "";
  const zoom = Number.parseFloat(z);
  const known = Number.isFinite(zoom) && zoom > 0;
  return {
    x_l0,
    y_l0,
    power: known && !z.endsWith("px") ? zoom : null,
    ratio: known && z.endsWith("px") ? zoom : null,
    degrees: Number.parseFloat(fields.get("r") ?? "0") || 0,
  };
}

/** @param {Position} position */
export function writePosition({ x_l0, y_l0, power, ratio, degrees }) {
  const zoom = power !== null ? `${+power.toPrecision(4)}` : `${+(ratio ?? 1).toPrecision(4)}px`;
  return `#x=${Math.round(x_l0)}&y=${Math.round(y_l0)}&z=${zoom}&r=${Math.round(degrees)}`;
}

/** Whether somebody's link named the place: what a reload finds in the address is only where the view was. */
export function isLinkedPlace() {
  const [entry] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  return entry?.type === "navigate" && readPosition(location.hash) !== null;
}
