/**
 * Once all that is in view has come and the view rests, the tiles that zooming in at its centre would need are fetched into
 * the browser's cache: few at a time, with low priority, and dropped as soon as the view moves. What is fetched is asked
 * for again when it is shown (the permission is read live), which then costs no decoding and no bytes.
 */

const REST_MS = 350;
const MOST_TILES = 24;
const AT_ONCE = 2;
const ZOOM = 2;

/** @param {import("./slide_view.js").SlideView} view */
export function installPrefetch(view) {
  /** @type {Set<string>} */
  const known = new Set();
  let timer = 0;
  let stop = new AbortController();

  const rest = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => whenIdle(run), REST_MS);
  };
  const moved = () => {
    clearTimeout(timer);
    stop.abort();
  };
  const run = async () => {
    const image = view.osd.world.getItemAt(0);
    if (!image?.getFullyLoaded() || document.hidden) return;
    stop = new AbortController();
    const { signal } = stop;
    const wanted = nextTiles(view).filter((url) => !known.has(url));
    const fetchNext = async () => {
      for (let url = wanted.shift(); url && !signal.aborted; url = wanted.shift()) {
        const response = await fetch(url, { signal, credentials: "same-origin", priority: "low" });
        if (!response.ok) return;
        await response.arrayBuffer();
        known.add(url);
      }
    };
    await Promise.allSettled(Array.from({ length: AT_ONCE }, fetchNext)); // one that fails is asked for when it is shown
  };
  view.opened.then(
    () => {
      view.osd.addHandler("animation-start", moved);
      view.osd.addHandler("animation-finish", rest);
      view.osd.world.getItemAt(0).addHandler("fully-loaded-change", (event) => event.fullyLoaded && rest());
    },
    () => undefined, // the page says that the slide cannot be shown
  );
}

/** @param {() => void} run */
function whenIdle(run) {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(run, { timeout: 2000 });
  else setTimeout(run, 0);
}

/**
 * Addresses of the tiles of the next level under the middle of the view, nearest to the centre first.
 * @param {import("./slide_view.js").SlideView} view
 * @returns {string[]}
 */
export function nextTiles(view) {
  const source = view.osd.world.getItemAt(0).source;
  const { width, height } = view.slide;
  const density = devicePixelRatio || 1;
  const level = Math.min(source.maxLevel, Math.ceil(source.maxLevel + Math.log2(view.scale(false) * density * ZOOM) - 0.5));
  if (level < source.minLevel || Math.ceil(source.maxLevel + Math.log2(view.scale(false) * density) - 0.5) >= source.maxLevel)
    return [];
  const side_l0 = source.getTileWidth(level) * 2 ** (source.maxLevel - level);
  const { x_l0, y_l0 } = view.centre();
  const box = view.box();
  const [halfWidth, halfHeight] = [(box[2] - box[0]) / (2 * ZOOM), (box[3] - box[1]) / (2 * ZOOM)];
  const tiles = [];
  for (let column = first(x_l0 - halfWidth, side_l0); column * side_l0 < Math.min(width, x_l0 + halfWidth); column += 1)
    for (let row = first(y_l0 - halfHeight, side_l0); row * side_l0 < Math.min(height, y_l0 + halfHeight); row += 1)
      tiles.push({ column, row, away: Math.hypot((column + 0.5) * side_l0 - x_l0, (row + 0.5) * side_l0 - y_l0) });
  tiles.sort((a, b) => a.away - b.away);
  return tiles.slice(0, MOST_TILES).map(({ column, row }) => /** @type {string} */ (source.getTileUrl(level, column, row)));
}

/** @param {number} edge_l0 @param {number} side_l0 */
const first = (edge_l0, side_l0) => Math.max(0, Math.floor(edge_l0 / side_l0));
