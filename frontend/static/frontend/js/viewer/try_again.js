/**
 * Tiles that the server had no time for, or could not be reached for, come later instead of leaving holes.
 *
 * OpenSeadragon asks a few times by itself, sees no status, and then takes the tile for one that does not exist. Here one of the
 * tiles given up is asked for now and then, however many there are, since a busy server gets no better by being asked. When it
 * comes, all of them may be asked for again; OpenSeadragon does so for those in view.
 */

const PAUSE_MS = 3000;

/**
 * @param {OpenSeadragon.Viewer} osd
 * @param {() => void} [refused] told when the server says that a tile cannot be had at all
 */
export function tryAgain(osd, refused = () => undefined) {
  /** @type {Set<OpenSeadragon.Tile>} */
  const givenUp = new Set();
  const later = () => window.setTimeout(ask, PAUSE_MS * (1 + Math.random())); // not all viewers at once
  const ask = async () => {
    for (const tile of givenUp) {
      const status = await statusOf(tile.getUrl());
      if (status === 0 || status === 429 || status >= 500) {
        later();
        return;
      }
      if (status < 300) {
        for (const one of givenUp) one.exists = true;
        givenUp.clear();
        osd.world.getItemAt(0)?.update(true); // a picture that has all it could get looks for no more until the view moves
        return;
      }
      givenUp.delete(tile);
      refused();
    }
  };
  const options = /** @type {OpenSeadragon.Options} */ (/** @type {unknown} */ (osd)); // a viewer carries its options
  osd.addHandler("tile-load-failed", ({ tile, tries }) => {
    if (tries <= (options.tileRetryMax ?? 0)) return;
    givenUp.add(tile);
    if (givenUp.size === 1) later();
  });
}

/** @param {string} url @returns {Promise<number>} 0 when the server was not reached */
async function statusOf(url) {
  try {
    const response = await fetch(url, { credentials: "same-origin", priority: "low" });
    await response.arrayBuffer(); // into the browser's cache
    return response.status;
  } catch {
    return 0;
  }
}
