/** Where tiles stand and which of them exist: the rows in sight, and a few beside them. CSS pixels. Pure. */

export const SIDES = { s: 92, m: 116, l: 180 };
const CAPTION_PX = 28;
const GAP_PX = 8;

/**
 * @typedef {{columns: number, rows: number, side: number, tile: number, rowHeight: number, height: number}} Layout
 *   `side` of the crop, `tile` the height of a tile with its caption
 */

/** As many columns as fit; tiles take the rest of the width among them. @param {number} width @param {number} count @param {number} wanted side @returns {Layout} */
export function layOut(width, count, wanted) {
  const columns = Math.max(1, Math.floor((width + GAP_PX) / (wanted + GAP_PX)));
  const side = Math.max(1, (width - GAP_PX * (columns - 1)) / columns);
  const rows = Math.ceil(count / columns);
  const tile = side + CAPTION_PX;
  const rowHeight = tile + GAP_PX;
  return { columns, rows, side, tile, rowHeight, height: Math.max(0, rows * rowHeight - GAP_PX) };
}

/**
 * @param {Layout} layout @param {number} scrollTop @param {number} height of what is seen @param {number} spare rows beside it
 * @returns {[number, number]} first row, and the one after the last
 */
export function rowsInSight({ rows, rowHeight }, scrollTop, height, spare) {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - spare);
  const end = Math.min(rows, Math.ceil((scrollTop + height) / rowHeight) + spare);
  return [Math.min(first, end), end];
}

/**
 * Crops worth loading, the most urgent first: what is seen, then one more screen of what the scroll comes to.
 * @param {Layout} layout @param {number} count @param {number} scrollTop @param {number} height
 * @param {1|-1} direction of the scroll
 * @returns {number[]} places in the grid
 */
export function placesToLoad(layout, count, scrollTop, height, direction) {
  const [first, end] = rowsInSight(layout, scrollTop, height, 0);
  const screen = Math.max(1, end - first);
  const seen = rowRange(first, end);
  const ahead = direction > 0 ? rowRange(end, end + screen) : rowRange(first - screen, first).reverse();
  return [...seen, ...ahead]
    .filter((row) => row >= 0)
    .flatMap((row) => rowRange(row * layout.columns, (row + 1) * layout.columns))
    .filter((place) => place < count);
}

/** @param {number} from @param {number} end */
const rowRange = (from, end) => Array.from({ length: Math.max(0, end - from) }, (_, step) => from + step);

/** The scroll position at which a row is seen whole, moved as little as possible. @param {Layout} layout @param {number} row @param {number} scrollTop @param {number} height */
export function scrollTo({ rowHeight, tile }, row, scrollTop, height) {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  return Math.max(scrollTop, Math.min(top, top + tile - height));
}
