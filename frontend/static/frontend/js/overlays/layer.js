/** All marks, the region and what is being drawn, on one canvas above the slide. Knows items and states, no server and no page. */

import Flatbush from "../../vendor/flatbush-4.7.0/index.js";
import { apply, scaleOf, visibleBox } from "../viewer/geometry.js";
import { drawAreas } from "./areas.js";
import { Density } from "./density.js";
import { drawCross, drawDraft, drawMeasure, drawRegion, drawRival } from "./region.js";
import { drawCurrent, stamp } from "./shapes.js";
import { drawLooks, drawReticle } from "./walk.js";

/**
 * @typedef {import("../viewer/geometry.js").Point} Point
 * @typedef {{key: string, x_l0: number, y_l0: number, state: import("./shapes.js").MarkState}} Spot
 * @typedef {{points: Point[], cursor: Point|null}} Draft
 */

const RADIUS_UM = 9.5;
const RADIUS_MIN_PX = 9;
const ASSUMED_MPP = 0.25; // only for the size of a mark on a slide without a pixel size
const SHAPES_FROM_POWER = 5;
const MOST_SHAPES = 2500; // more in one view cover each other, and a frame has to stay short
const DRAW_ORDER = ["below", "no", "unsure", "open", "yes", "added", "differ"];

export class MarkLayer {
  /** @param {import("../viewer/slide_view.js").SlideView} view */
  constructor(view) {
    this.view = view;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "marks";
    view.element.append(this.canvas);
    this.ctx = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.density = new Density();
    /** @type {Spot[]} */
    this.spots = [];
    this.version = 0;
    /** @type {Flatbush|null} */
    this.index = null;
    /** States that the legend switched off. @type {Set<string>} */
    this.off = new Set();
    this.hidden = false;
    /** @type {{x_l0: number, y_l0: number, number: string, fact: string}|null} */
    this.current = null;
    /** What is counted in: an outline, or one of each field; empty: all of it. @type {Point[][]} */
    this.region = [];
    /** The window that could still have another score. @type {Point[][]} */
    this.rival = [];
    /** Where it is being moved to. @type {Point[]|null} */
    this.moved = null;
    /** Tumour areas. @type {import("./areas.js").Outlined[]} */
    this.areas = [];
    /** The drawing tool's own, while it is on. @type {((ctx: CanvasRenderingContext2D, affine: import("../viewer/geometry.js").Affine) => void)|null} */
    this.drawing = null;
    /** Fields looked at. @type {import("./walk.js").Circle[]} */
    this.looks = [];
    /** The field that is being looked at. @type {import("./walk.js").Circle|null} */
    this.reticle = null;
    /** @type {Draft|null} */
    this.draft = null;
    /** @type {[Point, Point]|null} */
    this.measure = null;
    /** Where a press by keyboard goes. @type {Point|null} */
    this.cross = null;
    view.addEventListener("frame", () => this.draw());
  }

  /** @param {Spot[]} spots */
  setSpots(spots) {
    const isAnother = spots !== this.spots; // the same list has other states in the same places
    const moved = isAnother && (spots.length !== this.spots.length || spots.some(({ key }, i) => key !== this.spots[i].key));
    this.spots = spots;
    this.version += 1;
    if (moved) this.index = indexOf(spots);
    this.view.redraw();
  }

  #shown = (/** @type {string} */ state) => this.shows(state);

  /** @param {string} state */
  shows(state) {
    return !this.off.has(state === "added" ? "yes" : state);
  }

  /** CSS pixels. @param {number} scale */
  radius(scale) {
    return Math.max(RADIUS_MIN_PX, (RADIUS_UM / (this.view.mpp ?? ASSUMED_MPP)) * scale);
  }

  /** Whether single marks are drawn, or the raster. @param {number} scale CSS pixels per level-0 pixel */
  drawsShapes(scale) {
    const screenMpp = (this.view.mpp ?? ASSUMED_MPP) / scale;
    return 10 / screenMpp >= SHAPES_FROM_POWER * 0.97;
  }

  #fitCanvas() {
    const ratio = devicePixelRatio || 1;
    const { width: clientWidth, height: clientHeight } = this.view.size;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.ctx.clearRect(0, 0, clientWidth, clientHeight);
    return { ratio, width: clientWidth, height: clientHeight };
  }

  get #mpp() {
    const { mpp_x, mpp_y } = this.view.slide;
    return { x: mpp_x || ASSUMED_MPP, y: mpp_y || ASSUMED_MPP };
  }

  draw() {
    const { ratio, width, height } = this.#fitCanvas();
    const affine = this.view.affine();
    const scale = scaleOf(affine);
    const region = this.moved ? [this.moved] : this.region;
    if (region.length && !this.hidden) drawRegion(this.ctx, affine, region, width, height);
    if (this.rival.length && !this.hidden) drawRival(this.ctx, affine, this.rival);
    if (!this.hidden) {
      drawAreas(this.ctx, affine, this.areas);
      if (this.looks.length) drawLooks(this.ctx, affine, this.looks, this.#mpp, width, height);
      if (this.drawsShapes(scale)) this.#drawShapes(affine, scale, width, height, ratio);
      else this.#drawRaster(affine, width, height);
      this.#drawCurrent(affine, scale);
    }
    if (this.reticle) drawReticle(this.ctx, affine, this.reticle, this.#mpp);
    this.drawing?.(this.ctx, affine);
    if (this.draft) drawDraft(this.ctx, affine, this.draft);
    if (this.measure) drawMeasure(this.ctx, affine, this.measure, this.view.mpp);
    if (this.cross) drawCross(this.ctx, affine, this.cross);
  }

  /** @param {import("../viewer/geometry.js").Affine} affine @param {number} width @param {number} height */
  #drawRaster(affine, width, height) {
    const box = visibleBox(affine, width, height);
    this.density.draw(this.ctx, affine, box, this.spots, this.#shown, this.version);
  }

  /** Switch the marks of a state on or off. @param {string} state */
  toggle(state) {
    if (!this.off.delete(state)) this.off.add(state);
    this.version += 1;
    this.view.redraw();
  }

  /** @param {import("../viewer/geometry.js").Affine} affine @param {number} scale @param {number} width @param {number} height @param {number} ratio */
  #drawShapes(affine, scale, width, height, ratio) {
    if (!this.index) return;
    const radius = this.radius(scale);
    const inView = this.index.search(...visibleBox(affine, width, height, radius * 2), (i) => this.shows(this.spots[i].state));
    if (inView.length > MOST_SHAPES) {
      this.#drawRaster(affine, width, height);
      return;
    }
    /** @type {Map<string, number[]>} */
    const byState = new Map(DRAW_ORDER.map((state) => [state, []]));
    for (const i of inView) byState.get(this.spots[i].state)?.push(i);
    for (const [name, indices] of byState) {
      if (!indices.length) continue;
      const state = /** @type {import("./shapes.js").MarkState} */ (name);
      const put = stamp(this.ctx, state, state === "below" ? radius * 0.85 : radius, ratio);
      for (const i of indices) put(...apply(affine, this.spots[i].x_l0, this.spots[i].y_l0));
    }
  }

  /** @param {import("../viewer/geometry.js").Affine} affine @param {number} scale */
  #drawCurrent(affine, scale) {
    if (!this.current) return;
    const [x, y] = apply(affine, this.current.x_l0, this.current.y_l0);
    drawCurrent(this.ctx, x, y, this.radius(scale), this.current.number, this.current.fact);
  }

  /**
   * The mark nearest to a place on the canvas, within its own reach.
   * @param {number} x @param {number} y CSS pixels
   * @returns {string|null} its key
   */
  hit(x, y) {
    if (!this.index || this.hidden) return null;
    const scale = this.view.scale();
    const reach = this.drawsShapes(scale) ? this.radius(scale) * 1.3 : 12;
    const [x_l0, y_l0] = this.view.toSlide(x, y);
    const found = this.index.neighbors(x_l0, y_l0, 1, reach / scale, (i) => this.shows(this.spots[i].state));
    return found.length ? this.spots[found[0]].key : null;
  }
}

/** @param {Spot[]} spots */
function indexOf(spots) {
  if (!spots.length) return null;
  const index = new Flatbush(spots.length);
  for (const { x_l0, y_l0 } of spots) index.add(x_l0, y_l0, x_l0, y_l0);
  index.finish();
  return index;
}
