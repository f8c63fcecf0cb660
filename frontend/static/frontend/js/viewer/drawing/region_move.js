/** A region that is counted in, moved by hand: its size stays, and so does the slide's edge. */

import { History } from "./history.js";
import { moveOnSlide } from "./shapes.js";

/** @typedef {import("../geometry.js").Point} Point */

export class RegionMove {
  /** @param {{polygon: Point[], name: string}} region @param {{width: number, height: number}} slide */
  constructor({ polygon, name }, slide) {
    this.slide = slide;
    this.name = name;
    this.begun = polygon;
    this.history = new History(polygon);
  }

  get polygon() {
    return this.history.state;
  }

  get isMoved() {
    return this.history.state !== this.begun;
  }

  /** @param {number} dx_l0 @param {number} dy_l0 @param {boolean} goesOn with the step before */
  move(dx_l0, dy_l0, goesOn) {
    const moved = moveOnSlide(this.polygon, dx_l0, dy_l0, this.slide.width, this.slide.height);
    if (goesOn) this.history.replace(moved);
    else this.history.push(moved);
  }

  undo() {
    this.history.undo();
  }

  redo() {
    this.history.redo();
  }
}
