/**
 * The normalised view: each tile recoloured by the slide's stain profile, in optical density, where stains add up.
 *
 * Tile by tile in a worker and not as a filter over the canvas: an SVG filter could do the same log, matrix and power, but
 * keeps eight bits between them, which bands the pale tissue, and costs its price at each frame. A tile is recoloured
 * once, when it comes. It is for the eye alone: crops, analysis and counts never see it.
 */

import { get } from "../lib/api.js";

export class StainView {
  on = false;
  #worker = /** @type {Worker|null} */ (null);
  #waiting = /** @type {Map<number, (bitmap: ImageBitmap) => void>} */ (new Map());
  #sent = 0;

  /**
   * @param {import("./slide_view.js").SlideView} view
   * @param {import("./overview.js").Overview} overview
   */
  constructor(view, overview) {
    this.view = view;
    this.overview = overview;
  }

  /** @returns {Promise<string>} why it cannot be shown; "" when it is */
  async show() {
    if (!this.#worker) {
      const { matrix, reason } = await get(this.view.slide.stain_url);
      if (!matrix) return reason;
      this.#worker = this.#start(matrix);
    }
    await this.view.opened;
    if (this.on) return "";
    this.on = true;
    this.view.osd.addHandler("tile-invalidated", this.#tile);
    this.overview.recolour = (bitmap) => this.#recolour(bitmap);
    this.#again();
    return "";
  }

  hide() {
    if (!this.on) return;
    this.on = false;
    this.view.osd.removeHandler("tile-invalidated", this.#tile);
    this.overview.recolour = null;
    this.#again();
  }

  /**
   * All tiles are asked for again, from the browser's cache, over the overview in its new colours: told to change those that
   * are there, OpenSeadragon shows both kinds side by side for a while.
   */
  #again() {
    this.overview.paint();
    this.view.osd.world.resetItems();
  }

  /** @param {number[][]} matrix */
  #start(matrix) {
    const worker = new Worker(new URL("./stain-worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data: { id, bitmap } }) => {
      this.#waiting.get(id)?.(bitmap);
      this.#waiting.delete(id);
    });
    worker.postMessage({ matrix });
    return worker;
  }

  /** Each tile, before it is shown for the first time. @param {OpenSeadragon.TileInvalidatedEvent} event */
  #tile = async (event) => {
    const bitmap = await event.getData("imageBitmap");
    if (!bitmap || (await event.outdated())) return;
    const recoloured = await this.#recolour(await createImageBitmap(bitmap));
    // Switched off while the worker had it: the tile stays as it is, or it would keep the other view's colours.
    if (this.on && !(await event.outdated())) await event.setData(recoloured, "imageBitmap");
  };

  /** @param {ImageBitmap} bitmap given away @returns {Promise<ImageBitmap>} */
  #recolour(bitmap) {
    this.#sent += 1;
    const id = this.#sent;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#worker?.postMessage({ id, bitmap }, [bitmap]);
    });
  }
}
