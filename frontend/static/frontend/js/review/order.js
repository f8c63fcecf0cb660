/** Which item comes next. Pure: the same items and region give the same order. */

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {"effect"|"region"|"surest"|"nearest"|"place"} Order
 */

/** @type {[Order, string][]} */
export const ORDERS = [
  ["effect", "What changes the score"],
  ["region", "Region first, surest first"],
  ["surest", "Surest first"],
  ["nearest", "Nearest the threshold"],
  ["place", "From top to bottom"],
];

/** For the sheet of keys. */
export const EFFECT_HELP =
  "In the order “What changes the score” the next one is always the one that can change it most; one left unanswered comes again after the others.";

const ROW_L0 = 2000; // "from top to bottom" goes in bands, or the eye would jump across the slide at each step

/**
 * @param {Item[]} items
 * @param {Order} order
 * @param {{isInside: (item: Item) => boolean, threshold: number, effects: Map<string, number>, passed: Set<string>}} by
 *   isInside: in the region counted in; effects: of the items that can change the score; passed: left without an answer
 * @returns {Item[]}
 */
export function sorted(items, order, { isInside, threshold, effects, passed }) {
  const chance = (/** @type {Item} */ item) => item.probability ?? 1;
  /** @type {Record<Order, (item: Item) => number[]>} */
  const ranks = {
    effect: (item) => [Number(passed.has(item.key)), -(effects.get(item.key) ?? 0), -chance(item)],
    region: (item) => [isInside(item) ? 0 : 1, -chance(item)],
    surest: (item) => [-chance(item)],
    nearest: (item) => [Math.abs(chance(item) - threshold)],
    place: placeRank,
  };
  return sortByRank(items, ranks[order]);
}

/** By the first number that differs, smallest first; equal ones from top to bottom. @param {Item[]} items @param {(item: Item) => number[]} rankOf @returns {Item[]} */
export function sortByRank(items, rankOf) {
  const ranked = items.map((item) => ({ item, rank: [...rankOf(item), item.y_l0, item.x_l0] }));
  return ranked.sort((a, b) => compare(a.rank, b.rank)).map(({ item }) => item);
}

/** From top to bottom in bands. @param {Item} item */
export function placeRank({ x_l0, y_l0 }) {
  const band = Math.floor(y_l0 / ROW_L0);
  return [band, band % 2 ? -x_l0 : x_l0];
}

/** @param {number[]} a @param {number[]} b */
function compare(a, b) {
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

/**
 * The next one wanted after the current, round to the start; the current itself only if nothing else is left.
 * @param {Item[]} order every item of the list, judged ones included
 * @param {string|null} current
 * @param {(item: Item) => boolean} wanted
 * @param {1|-1} step
 * @returns {Item|null}
 */
export function neighbour(order, current, wanted, step) {
  const from = order.findIndex((item) => item.key === current);
  const start = from < 0 ? (step > 0 ? -1 : order.length) : from;
  for (let i = 1; i <= order.length; i += 1) {
    const item = order[(start + step * i + order.length * 2) % order.length];
    if (item && item.key !== current && wanted(item)) return item;
  }
  return null;
}
