/** The regions by which crops are told apart: those of the count, the best first, then those that were drawn. Knows no page. */

import { holds } from "../review/counted_region.js";

/**
 * @typedef {import("../review/count.js").Count} Count
 * @typedef {import("../viewer/geometry.js").Point} Point
 * @typedef {{id: string, name: string, holds: (x_l0: number, y_l0: number) => boolean}} Place
 */

/**
 * @param {Count|null} count of the best region
 * @param {{id: string, name: string, polygon: Point[]}[]} drawn
 * @returns {Place[]}
 */
export function listPlaces(count, drawn) {
  return [...(count ? listCounted(count) : []), ...drawn.map(({ id, name, polygon }) => ({ id, name, holds: within(polygon) }))];
}

/** Of fields each crop lies in one of them; of a tumour in any of its parts, and in none of its holes. @param {Count} count @returns {Place[]} */
function listCounted(count) {
  const { region, regions, looked_in } = count;
  const inside =
    (/** @type {import("../review/counted_region.js").Window} */ window) => (/** @type {number} */ x, /** @type {number} */ y) =>
      holds(window, count, x, y);
  if (regions.length) return regions.map((one) => ({ id: `region${one.rank}`, name: `Region ${one.rank}`, holds: inside(one) }));
  if (!region.polygon?.length) return []; // all that was analysed, of which there is no rest
  const name = looked_in.where === "tumour" ? "Drawn tumour" : "Analysed region";
  return [{ id: "whole", name, holds: inside(region) }];
}

/** @param {Point[]} polygon */
const within = (polygon) => (/** @type {number} */ x, /** @type {number} */ y) =>
  holds({ polygon }, { protocol: { field_um: null }, mpp_x: 1, mpp_y: 1 }, x, y);
