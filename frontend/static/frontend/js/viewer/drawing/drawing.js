/**
 * What is being drawn, without page or slide: the area so far, the corners of an outline that is still open, and every step.
 * What cannot be done says why in a sentence, and nothing is changed.
 */

import { History } from "./history.js";
import { areaOfRings, clipToSlide, crossesItself, cut, join, simplify, strokeRings, vertexMeets } from "./shapes.js";

/**
 * @typedef {import("./shapes.js").Point} Point
 * @typedef {import("./shapes.js").Ring} Ring
 * @typedef {import("./shapes.js").Vertex} Vertex
 * @typedef {{rings: Ring[], path: Point[]}} State
 * @typedef {{width: number, height: number, mpp: import("./shapes.js").Mpp}} Sheet
 */

const MOST_POINTS = 10_000; // what the server keeps
const DONE = "";
const TOO_FEW = "Three corners make an area: set another.";
const CROSSES = "The outline would cross or touch itself there.";
const NOTHING = "That holds no area.";
const NOTHING_THERE = "There is nothing drawn there to remove.";
const TOO_MANY = `An area has at most ${MOST_POINTS.toLocaleString("en-GB")} corners: draw it in parts, or save this one first.`;

export class Drawing {
  /** @param {Ring[]} rings as they are kept @param {Sheet} sheet */
  constructor(rings, sheet) {
    this.sheet = sheet;
    this.begun = rings;
    this.history = new History(/** @type {State} */ ({ rings, path: [] }));
  }

  get rings() {
    return this.history.state.rings;
  }

  get path() {
    return this.history.state.path;
  }

  get isChanged() {
    return this.rings !== this.begun || this.path.length > 0;
  }

  get area_um2() {
    return areaOfRings(this.rings, this.sheet.mpp);
  }

  /** @param {Point} at */
  addCorner(at) {
    const last = this.path.at(-1);
    if (last && last[0] === at[0] && last[1] === at[1]) return DONE;
    this.history.push({ rings: this.rings, path: [...this.path, at] });
    return DONE;
  }

  /** The last corner, as far as there is one. */
  takeBack() {
    if (this.path.length) this.history.push({ rings: this.rings, path: this.path.slice(0, -1) });
  }

  /** All open corners. */
  dropPath() {
    if (this.path.length) this.history.push({ rings: this.rings, path: [] });
  }

  /** The corners become an area. @param {boolean} removes */
  closePath(removes) {
    if (this.path.length < 3) return TOO_FEW;
    if (crossesItself(this.path)) return CROSSES;
    return this.#put([this.path], removes);
  }

  /** What a line drawn in one go encloses. @param {Point[]} line @param {boolean} removes @param {number} tolerance_um */
  enclose(line, removes, tolerance_um) {
    const outline = simplify(line, tolerance_um, this.sheet.mpp);
    return outline.length < 3 ? NOTHING : this.#put([outline], removes);
  }

  /** @param {Point[]} way @param {number} radius_um @param {boolean} removes */
  brush(way, radius_um, removes) {
    const line = simplify(way, radius_um / 20, this.sheet.mpp);
    return this.#put(strokeRings(line, radius_um, this.sheet.mpp), removes);
  }

  /** @param {Ring[]} rings @param {boolean} removes */
  #put(rings, removes) {
    const { width, height, mpp } = this.sheet;
    const found = clipToSlide(removes ? cut(this.rings, rings) : join(this.rings, rings), width, height);
    if (!removes && !found.length) return NOTHING;
    const changes = Math.abs(areaOfRings(found, mpp) - this.area_um2) > mpp.x * mpp.y;
    if (!changes && removes) return NOTHING_THERE;
    return this.#keep(changes ? found : this.rings);
  }

  /** @param {Ring[]} rings @param {boolean} [goesOn] the step before goes on */
  #keep(rings, goesOn = false) {
    if (rings.reduce((sum, ring) => sum + ring.length, 0) > MOST_POINTS) return TOO_MANY;
    if (goesOn) this.history.replace({ rings, path: [] });
    else this.history.push({ rings, path: [] });
    return DONE;
  }

  /** @param {Vertex} vertex @param {Point} at @param {boolean} [goesOn] the move before goes on */
  moveVertex(vertex, at, goesOn = false) {
    const rings = this.#with(vertex, (ring) => ring.map((point, index) => (index === vertex.index ? this.#onSlide(at) : point)));
    return vertexMeets(rings, vertex) ? CROSSES : this.#keep(rings, goesOn);
  }

  /** Between the vertex and the next. @param {Vertex} vertex @param {Point} at */
  insertVertex(vertex, at) {
    const after = { ring: vertex.ring, index: vertex.index + 1 };
    const rings = this.#with(vertex, (ring) => [...ring.slice(0, after.index), this.#onSlide(at), ...ring.slice(after.index)]);
    return vertexMeets(rings, after) ? CROSSES : this.#keep(rings);
  }

  /** Without its third corner an outline is gone. @param {Vertex} vertex */
  removeVertex(vertex) {
    if (this.rings[vertex.ring].length <= 3) return this.#keep(this.rings.filter((_, index) => index !== vertex.ring));
    const rings = this.#with(vertex, (ring) => ring.filter((_, index) => index !== vertex.index));
    const before = { ring: vertex.ring, index: (vertex.index + rings[vertex.ring].length - 1) % rings[vertex.ring].length };
    return vertexMeets(rings, before) ? CROSSES : this.#keep(rings);
  }

  /** @param {Vertex} vertex @param {(ring: Ring) => Ring} change */
  #with(vertex, change) {
    return this.rings.map((ring, index) => (index === vertex.ring ? change(ring) : ring));
  }

  /** @param {Point} at @returns {Point} */
  #onSlide([x, y]) {
    return [Math.min(this.sheet.width, Math.max(0, x)), Math.min(this.sheet.height, Math.max(0, y))];
  }
}
