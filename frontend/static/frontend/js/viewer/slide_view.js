/** The slide on the screen: OpenSeadragon behind the few things the rest needs, all in level-0 pixels. */

import { readPosition, writePosition } from "./address.js";
import { apply, invert, mppOf, powerOf, visibleBox } from "./geometry.js";
import { tryAgain } from "./try_again.js";

/** @typedef {import("./geometry.js").Affine} Affine */
/**
 * @typedef {{width: number, height: number, tile_size: number, overlap: number, tiles_url: string}} Pyramid
 * @typedef {{id: string, label: string, width: number, height: number, mpp_x: number|null, mpp_y: number|null, mpp_source: string,
 *   doubts: import("../lib/doubts.js").Doubt[], pyramid: Pyramid, crop_url: string, thumbnail_url: string, stain_url: string, kind: string}} Slide
 */

const ADDRESS_DELAY_MS = 250;
const LOOK_POWER = 20;

export class SlideView extends EventTarget {
  /**
   * @param {HTMLElement} element
   * @param {HTMLElement} navigator
   * @param {Slide} slide
   * @param {{address?: boolean}} [options] address: whether the position stands in the page's address
   */
  constructor(element, navigator, slide, { address = true } = {}) {
    super();
    this.address = address;
    this.slide = slide;
    this.element = element;
    /** One number for round shapes and scale; x and y stay apart where areas are made, on the server. @type {number|null} */
    this.mpp = slide.mpp_x && slide.mpp_y ? (slide.mpp_x + slide.mpp_y) / 2 : null;
    withoutInlineStyle();
    this.osd = new OpenSeadragon.Viewer({
      element,
      tileSources: [tileSource(slide.pyramid)],
      crossOriginPolicy: false,
      drawer: "canvas",
      showNavigationControl: false,
      keyboardNavEnabled: false,
      showNavigator: true,
      navigatorId: navigator.id,
      navigatorAutoFade: false,
      navigatorRotate: false,
      navigatorDisplayRegionColor: "#1f5fcc",
      animationTime: 0.35,
      springStiffness: 9,
      blendTime: 0.06,
      alwaysBlend: false,
      maxZoomPixelRatio: 4,
      minZoomImageRatio: 0.6,
      visibilityRatio: 0.3,
      zoomPerScroll: 1.25,
      zoomPerClick: 1,
      imageLoaderLimit: 6,
      tileRetryMax: 2, // then `tryAgain`
      tileRetryDelay: 1500,
      timeout: 60_000,
      maxImageCacheCount: 400,
      preserveImageSizeOnResize: true,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false },
      gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: false },
      gestureSettingsPen: { clickToZoom: false },
    });
    this.size = { width: element.clientWidth, height: element.clientHeight };
    new ResizeObserver(() => {
      this.size = { width: element.clientWidth, height: element.clientHeight };
      this.redraw();
    }).observe(element);
    new ResizeObserver(() => this.#fitNavigator()).observe(navigator);
    this.osd.navigator?.world.addHandler("add-item", () => this.#fitNavigator());
    /** @type {Promise<void>} */
    this.opened = new Promise((resolve, reject) => {
      this.osd.addOnceHandler("open", () => resolve());
      this.osd.addOnceHandler("open-failed", () => reject(new Error("The slide could not be opened")));
    });
    const failed = () => this.dispatchEvent(new Event("failed"));
    this.opened.then(() => this.#start(), failed);
    this.#fetchAll(failed);
  }

  /** Tiles of a busy server are waited for; one refused before any was seen ends that. @param {() => void} failed */
  #fetchAll(failed) {
    let seen = false;
    this.osd.addOnceHandler("tile-loaded", () => (seen = true));
    const refused = () => {
      if (!seen) failed();
      seen = true; // said once
    };
    tryAgain(this.osd, refused);
    tryAgain(this.osd.navigator);
  }

  /** OpenSeadragon measures a small map of one's own only once; smaller windows have a smaller one. */
  #fitNavigator() {
    const map = this.osd.navigator;
    if (!map?.viewport) return;
    map.updateSize();
    map.update(this.osd.viewport);
    this.dispatchEvent(new Event("mapped"));
  }

  /** CSS pixels of the small map, null as long as there is none. @param {number} x_l0 @param {number} y_l0 @returns {import("./geometry.js").Point|null} */
  toSmallMap(x_l0, y_l0) {
    const viewport = this.osd.navigator?.viewport;
    if (!viewport || !this.osd.navigator.world.getItemCount()) return null;
    const { x, y } = viewport.pixelFromPoint(new OpenSeadragon.Point(x_l0 / this.slide.width, y_l0 / this.slide.width), true);
    return [x, y];
  }

  #start() {
    if (this.address) this.#followAddress();
    this.osd.addHandler("update-viewport", () => this.dispatchEvent(new Event("frame")));
    this.dispatchEvent(new Event("opened"));
    this.osd.forceRedraw();
  }

  #followAddress() {
    this.restore(readPosition(location.hash));
    let timer = 0;
    this.osd.addHandler("viewport-change", () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => this.#remember(), ADDRESS_DELAY_MS);
    });
    addEventListener("hashchange", () => this.restore(readPosition(location.hash)));
  }

  /** @param {import("./address.js").Position|null} position */
  restore(position) {
    if (!position) return;
    this.osd.viewport.setRotation(position.degrees, true);
    const ratio = position.ratio ?? (position.power && this.mpp ? this.mpp / mppOf(position.power) : this.scale());
    this.show(position.x_l0, position.y_l0, ratio, true);
  }

  #remember() {
    history.replaceState(history.state, "", writePosition(this.position()));
  }

  /** Where the view is, or where its animation ends. @returns {import("./address.js").Position} */
  position() {
    const { x_l0, y_l0 } = this.centre();
    const ratio = this.scale(false);
    const power = this.mpp ? powerOf(this.mpp / ratio) : null;
    const degrees = ((this.osd.viewport.getRotation() % 360) + 360) % 360;
    return { x_l0, y_l0, power, ratio, degrees };
  }

  /** From level-0 pixels to CSS pixels, as drawn in this frame. @returns {Affine} */
  affine() {
    const { viewport } = this.osd;
    const { Point } = OpenSeadragon;
    const unit = 1 / this.slide.width;
    const origin = viewport.pixelFromPoint(new Point(0, 0), true);
    const right = viewport.pixelFromPoint(new Point(1, 0), true);
    const down = viewport.pixelFromPoint(new Point(0, 1), true);
    return {
      a: (right.x - origin.x) * unit,
      b: (right.y - origin.y) * unit,
      c: (down.x - origin.x) * unit,
      d: (down.y - origin.y) * unit,
      e: origin.x,
      f: origin.y,
    };
  }

  /** CSS pixels per level-0 pixel. @param {boolean} [current] as drawn now, or where the animation ends */
  scale(current = true) {
    return (this.osd.viewport.getZoom(current) * this.size.width) / this.slide.width;
  }

  /** Objective power on the screen; null without a pixel size. @param {boolean} [current] */
  power(current = true) {
    return this.mpp ? powerOf(this.mpp / this.scale(current)) : null;
  }

  /** @param {boolean} [current] */
  centre(current = false) {
    const point = this.osd.viewport.getCenter(current);
    return { x_l0: point.x * this.slide.width, y_l0: point.y * this.slide.width };
  }

  /** @param {number} x @param {number} y CSS pixels in the canvas */
  toSlide(x, y) {
    return invert(this.affine(), x, y);
  }

  /** @param {number} [margin] */
  box(margin = 0) {
    return visibleBox(this.affine(), this.size.width, this.size.height, margin);
  }

  /**
   * @param {number} x_l0 @param {number} y_l0
   * @param {number} [ratio] CSS pixels per level-0 pixel; as it is when left out
   * @param {boolean} [atOnce]
   */
  show(x_l0, y_l0, ratio, atOnce = false) {
    const { viewport } = this.osd;
    const { Point } = OpenSeadragon;
    const centre = new Point(x_l0 / this.slide.width, y_l0 / this.slide.width);
    if (ratio) viewport.zoomTo((ratio * this.slide.width) / this.size.width, undefined, atOnce);
    viewport.panTo(centre, atOnce);
    viewport.applyConstraints(atOnce);
  }

  /**
   * Exactly there and at once, also where the edges would not allow it: for a view that follows another.
   * @param {{x_l0: number, y_l0: number, scale: number, degrees: number}} place scale: CSS pixels per level-0 pixel
   */
  place({ x_l0, y_l0, scale, degrees }) {
    const { viewport } = this.osd;
    const { Point } = OpenSeadragon;
    viewport.setRotation(degrees, true);
    viewport.zoomTo((scale * this.slide.width) / this.size.width, undefined, true);
    viewport.panTo(new Point(x_l0 / this.slide.width, y_l0 / this.slide.width), true);
  }

  /** Whether a place is on the canvas, where the view is going. @param {number} x_l0 @param {number} y_l0 */
  shows(x_l0, y_l0) {
    const { Point } = OpenSeadragon;
    const { x, y } = this.osd.viewport.pixelFromPoint(new Point(x_l0 / this.slide.width, y_l0 / this.slide.width), false);
    return x >= 0 && y >= 0 && x <= this.size.width && y <= this.size.height;
  }

  /** Brings a place into the middle unless it is well in view already. @param {number} x_l0 @param {number} y_l0 */
  lookAt(x_l0, y_l0) {
    const [x, y] = apply(this.affine(), x_l0, y_l0);
    const { width: w, height: h } = this.size;
    const comfortable = x > w * 0.12 && x < w * 0.88 && y > h * 0.14 && y < h * 0.86;
    const near = this.mpp ? (this.power(false) ?? 0) >= 10 : this.scale(false) >= 0.25;
    if (comfortable && near) return;
    const ratio = near ? this.scale(false) : this.mpp ? this.mpp / mppOf(LOOK_POWER) : 0.5;
    this.show(x_l0, y_l0, ratio);
  }

  /** @param {number} power */
  zoomToPower(power) {
    if (this.mpp) this.zoomToRatio(this.mpp / mppOf(power));
  }

  /** @param {number} ratio CSS pixels per level-0 pixel */
  zoomToRatio(ratio) {
    this.osd.viewport.zoomTo((ratio * this.slide.width) / this.size.width);
    this.osd.viewport.applyConstraints();
  }

  /** @param {number} factor */
  zoomBy(factor) {
    this.osd.viewport.zoomBy(factor);
    this.osd.viewport.applyConstraints();
  }

  /** @param {number} dx @param {number} dy in parts of the canvas, also where the slide is rotated */
  panBy(dx, dy) {
    const { viewport } = this.osd;
    const { Point } = OpenSeadragon;
    const bounds = viewport.getBoundsNoRotate(false);
    viewport.panBy(new Point(dx * bounds.width, dy * bounds.height).rotate(-viewport.getRotation(false)));
    viewport.applyConstraints();
  }

  fit() {
    this.osd.viewport.goHome();
  }

  rotate() {
    this.osd.viewport.setRotation(this.osd.viewport.getRotation(false) + 90);
  }

  redraw() {
    this.osd.forceRedraw();
  }
}

/**
 * The pyramid as the page knows it already, so that the first tile waits for no description. Levels below the one that is a
 * single tile would only be asked for to be covered.
 * @param {Pyramid} pyramid
 */
function tileSource({ width, height, tile_size, overlap, tiles_url }) {
  const top = Math.ceil(Math.log2(Math.max(width, height, 1)));
  const halvings = Math.max(0, Math.ceil(Math.log2(Math.max(width, height) / tile_size)));
  return new OpenSeadragon.DziTileSource({
    width,
    height,
    tileSize: tile_size,
    tileOverlap: overlap,
    tilesUrl: tiles_url,
    fileFormat: "jpeg",
    minLevel: Math.max(0, top - halvings),
    maxLevel: top,
  });
}

/**
 * OpenSeadragon writes one <style> into the page unless it finds its own there; the policy forbids it, base.css does the same.
 * An element of that name outside of HTML counts as found and is no style sheet.
 */
function withoutInlineStyle() {
  const mark = document.createElementNS("urn:mitoweb:mark", "style");
  mark.setAttribute("data-openseadragon-mobile-css", "true");
  document.head.append(mark);
}
