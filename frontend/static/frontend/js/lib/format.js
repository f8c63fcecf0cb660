/** Numbers and times as people read them here: thin spaces in thousands, units with a space. */

const thousands = new Intl.NumberFormat("en-GB"); // made once: the scale bar writes numbers in each frame

/** @param {number} value */
export const whole = (value) => thousands.format(Math.round(value)).replaceAll(",", "\u2009");

/** @param {number} value @param {number} digits */
export const fixed = (value, digits) => value.toFixed(digits);

/** A probability as printed: never 1.00 for what is not certain. @param {number} value */
export const probability = (value) => Math.min(0.99, Math.floor(value * 100 + 1e-9) / 100).toFixed(2);

/** @param {number} um a length in micrometres */
export function length(um) {
  if (um >= 1000) return `${+(um / 1000).toPrecision(3)} mm`;
  return `${um >= 100 ? Math.round(um) : +um.toPrecision(3)} µm`;
}

/** @param {number|null|undefined} mm2 */
export const area = (mm2) => (mm2 === null || mm2 === undefined ? "area unknown" : `${mm2.toFixed(2)} mm²`);

/** Of what a hand drew, which may be small. @param {number|null} mm2 */
export const drawnArea = (mm2) => (mm2 !== null && mm2 < 0.1 ? `${+mm2.toPrecision(2)} mm²` : area(mm2));

/** @param {Date} at */
export const clock = (at) => at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** @param {Date} at */
export const moment = (at) =>
  at.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).replace(",", "");

/** @param {number|null|undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export const plural = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;
