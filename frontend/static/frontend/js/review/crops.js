/** Addresses of server-made crops, and loading the next ones before they are asked for. */

const NEAR_UM = 64;
const AROUND_UM = 256;
const NEAR_L0 = 256; // without a pixel size: as if 0.25 µm/px
const PX = { near: 560, around: 256, row: 68 };
const KEPT = 24;

export class Crops {
  /** @type {Map<string, HTMLImageElement>} */
  #loaded = new Map();

  /** @param {{crop_url: string, mpp_x: number|null}} slide */
  constructor(slide) {
    this.slide = slide;
  }

  /** Side of the large crop in µm, or null without a pixel size. */
  get nearUm() {
    return this.slide.mpp_x ? NEAR_UM : null;
  }

  /** @param {{x_l0: number, y_l0: number}} place @param {"near"|"around"|"row"} what @param {number} [px] side of the picture */
  url({ x_l0, y_l0 }, what, px = PX[what]) {
    const wide = what === "around";
    const size = this.slide.mpp_x ? `size_um=${wide ? AROUND_UM : NEAR_UM}` : `size_px_l0=${wide ? 4 * NEAR_L0 : NEAR_L0}`;
    return `${this.slide.crop_url}?x_l0=${x_l0.toFixed(1)}&y_l0=${y_l0.toFixed(1)}&${size}&px=${px}`;
  }

  /**
   * The loaded picture; the same one for everybody who asks.
   * @param {{x_l0: number, y_l0: number}} place @param {"near"|"around"} what
   * @returns {HTMLImageElement}
   */
  image(place, what) {
    const url = this.url(place, what);
    const known = this.#loaded.get(url);
    if (known && !(known.complete && !known.naturalWidth)) return known;
    const image = new Image();
    image.decoding = "async";
    image.src = url;
    this.#loaded.set(url, image);
    for (const name of this.#loaded.keys()) {
      if (this.#loaded.size <= KEPT) break;
      this.#loaded.delete(name);
    }
    return image;
  }

  /** @param {({x_l0: number, y_l0: number}|null)[]} places */
  preload(places) {
    for (const place of places) {
      if (!place) continue;
      for (const what of /** @type {const} */ (["near", "around"])) {
        // Drawn at once when it is wanted; one that does not come is asked for again then.
        this.image(place, what)
          .decode()
          .catch(() => undefined);
      }
    }
  }
}
