/**
 * Grad-CAM over a grey crop: teal to pale yellow, opacity at most 0.62, a line at half of the maximum. The server gives grey
 * maps of the 100-px patch, each scaled to its own maximum: pictures cannot be compared with each other.
 */

import { ApiError, get, post } from "../lib/api.js";

export const PATCH_UM = 25; // 100 px at the model's 0.25 µm/px
const MAX_OPACITY = 0.62;
const TEAL = [16, 160, 160];
const YELLOW = [255, 246, 176];
const LINE = "rgba(255, 255, 240, 0.9)";

/**
 * @typedef {{state: "ready"|"queued"|"none", message?: string, mitosis: string|null, other: string|null, target_layer: string|null, subtype_hint: import("./types.js").SubtypeHint|null, model: string}} Explanation
 * @typedef {"mitosis"|"other"} Which
 */

/** What the server has for each detection: maps and hint. Says "answered" when it has learned of one. */
export class Explanations extends EventTarget {
  /** @type {Map<number, Explanation>} */
  #answers = new Map();
  /** @type {Map<string, Promise<Uint8ClampedArray & {side?: number}>>} */
  #maps = new Map();

  /** @param {string} api */
  constructor(api) {
    super();
    this.api = api;
  }

  /** What was learned so far, without asking. @param {number} id */
  cached(id) {
    return this.#answers.get(id);
  }

  /** @param {number} id @param {Explanation} found */
  #learn(id, found) {
    this.#answers.set(id, found);
    this.dispatchEvent(new Event("answered"));
  }

  /** @param {number} id @param {boolean} [fresh] @returns {Promise<Explanation>} */
  async load(id, fresh = false) {
    const known = this.#answers.get(id);
    if (known?.state === "ready" || (known && !fresh)) return known;
    const found = await get(`${this.api}detections/${id}/explanation/`);
    this.#learn(id, found);
    return found;
  }

  /** Asks the worker to make it. @param {number} id */
  async make(id) {
    const answer = /** @type {Explanation} */ (await post(`${this.api}detections/${id}/explanation/`));
    this.#learn(id, answer);
    return answer;
  }

  /**
   * The map as one byte per pixel, side x side.
   * @param {string} url
   */
  map(url) {
    const known = this.#maps.get(url);
    if (known) return known;
    const loading = loadMap(url);
    loading.catch(() => this.#maps.delete(url));
    this.#maps.set(url, loading);
    return loading;
  }
}

/** @param {string} url */
async function loadMap(url) {
  const image = await loadImage(url);
  const side = image.naturalWidth;
  const ctx = context(side);
  ctx.drawImage(image, 0, 0);
  const rgba = ctx.getImageData(0, 0, side, side).data;
  const map = new Uint8ClampedArray(side * side);
  for (let i = 0; i < map.length; i += 1) map[i] = rgba[4 * i];
  return map;
}

/** @param {string} url @returns {Promise<HTMLImageElement>} */
function loadImage(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.addEventListener("load", () => resolve(image));
    image.addEventListener("error", () => reject(new ApiError(0, "The picture could not be loaded")));
    image.src = url;
  });
}

/** @param {number} side */
function context(side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasImageSource} crop
 * @param {Uint8ClampedArray} map
 * @param {number} part side of the map as a part of the crop's side: the patch lies in the middle
 * @param {number} zoom 1 shows the whole crop, 1 / part the patch alone
 */
export function paint(canvas, crop, map, part, zoom) {
  const side = canvas.width;
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  const shown = side * zoom;
  const offset = (side - shown) / 2;
  ctx.drawImage(crop, offset, offset, shown, shown);
  makeGrey(ctx, side);
  const mapSide = Math.sqrt(map.length);
  const patch = shown * part;
  const start = (side - patch) / 2;
  ctx.imageSmoothingEnabled = true;
  ctx.drawImage(colourMap(map, mapSide), start, start, patch, patch);
  strokeHalf(ctx, map, mapSide, start, patch / mapSide);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} side */
function makeGrey(ctx, side) {
  const image = ctx.getImageData(0, 0, side, side);
  const { data } = image;
  for (let i = 0; i < data.length; i += 4) {
    data[i] = data[i + 1] = data[i + 2] = 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
  }
  ctx.putImageData(image, 0, 0);
}

/** @param {Uint8ClampedArray} map @param {number} side */
function colourMap(map, side) {
  const ctx = context(side);
  const image = ctx.createImageData(side, side);
  map.forEach((value, i) => {
    const v = value / 255;
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[4 * i + channel] = TEAL[channel] + v * (YELLOW[channel] - TEAL[channel]);
    }
    image.data[4 * i + 3] = 255 * MAX_OPACITY * Math.min(1, v * 1.4);
  });
  ctx.putImageData(image, 0, 0);
  return ctx.canvas;
}

/**
 * The line at half of the maximum: where two neighbours lie on different sides of it.
 * @param {CanvasRenderingContext2D} ctx @param {Uint8ClampedArray} map @param {number} side
 * @param {number} start @param {number} step CSS pixels of one map pixel
 */
function strokeHalf(ctx, map, side, start, step) {
  const half = map.reduce((most, value) => Math.max(most, value), 0) / 2;
  if (!half) return;
  const high = (/** @type {number} */ x, /** @type {number} */ y) => map[y * side + x] >= half;
  ctx.beginPath();
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      if (x + 1 < side && high(x, y) !== high(x + 1, y)) {
        ctx.moveTo(start + (x + 1) * step, start + y * step);
        ctx.lineTo(start + (x + 1) * step, start + (y + 1) * step);
      }
      if (y + 1 < side && high(x, y) !== high(x, y + 1)) {
        ctx.moveTo(start + x * step, start + (y + 1) * step);
        ctx.lineTo(start + (x + 1) * step, start + (y + 1) * step);
      }
    }
  }
  ctx.strokeStyle = LINE;
  ctx.lineWidth = 1;
  ctx.stroke();
}
