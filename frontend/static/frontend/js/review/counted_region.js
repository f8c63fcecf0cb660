/** Which places a count holds, and the outlines it is drawn with: of fields each is a circle on the glass. */

import { inside } from "../viewer/geometry.js";

/**
 * @typedef {import("../viewer/geometry.js").Point} Point
 * @typedef {import("./count.js").Count} Count
 * @typedef {{polygon: Point[]|null, further_rings?: Point[][], fields_l0?: Point[]|null}} Window further_rings: holes and further parts
 * @typedef {{protocol: Pick<Count["protocol"], "field_um">, mpp_x: number, mpp_y: number}} Scale
 */

const CORNERS = 64; // of a field as it is drawn

/** Radii of a field in level-0 px, which need not be square. @param {Scale} scale */
const radiiOf = ({ protocol, mpp_x, mpp_y }) => [mpp_x, mpp_y].map((mpp) => (protocol.field_um ?? 0) / 2 / mpp);

/** @param {Window} window @param {Scale} scale @param {number} x_l0 @param {number} y_l0 */
export function holds({ polygon, further_rings: further = [], fields_l0: fields }, scale, x_l0, y_l0) {
  if (fields?.length) {
    const [across, down] = radiiOf(scale);
    return fields.some(([x, y]) => Math.hypot((x_l0 - x) / across, (y_l0 - y) / down) <= 1);
  }
  return polygon === null || [polygon, ...further].filter((ring) => inside(ring, x_l0, y_l0)).length % 2 === 1;
}

/** What to draw of it. @param {Window} window @param {Scale} scale @returns {Point[][]} */
export function outlinesOf({ polygon, further_rings: further = [], fields_l0: fields }, scale) {
  if (!fields?.length) return polygon?.length ? [polygon, ...further] : [];
  const [across, down] = radiiOf(scale);
  const angles = Array.from({ length: CORNERS }, (_, at) => (2 * Math.PI * at) / CORNERS);
  return fields.map(([x, y]) => angles.map((angle) => [x + across * Math.cos(angle), y + down * Math.sin(angle)]));
}
