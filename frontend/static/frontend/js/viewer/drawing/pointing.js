/** Mouse, finger and pen on the slide while the drawing tool is on; one finger draws, two zoom, Shift and a drag move the slide. */

import { inside } from "../geometry.js";
import { nearestHandle } from "./shapes.js";

/**
 * @typedef {import("../geometry.js").Point} Point
 * @typedef {import("./draw_tool.js").DrawTool} DrawTool
 */

const CLOSING_PX = 10;
const REACH_PX = { mouse: 10, pen: 14, touch: 22 };
const STEP_PX = 2; // of a line drawn by hand
const MIDDLE_PX = 28; // shorter edges have no handle in the middle
const LEAST_UM = 1; // finer than a hand is

export class Pointing {
  /** The line or the way of the brush that is being drawn. @type {Point[]|null} */
  line = null;
  /** Where the pointer is. @type {Point|null} */
  at = null;
  /** Where the chosen vertex is dragged to. @type {Point|null} */
  carried = null;
  /** @type {Point|null} */
  #from = null;
  #flips = false;
  #isMoving = false;
  #drew = false;
  #pointer = "mouse";

  /** @param {DrawTool} tool */
  constructor(tool) {
    this.tool = tool;
    this.view = tool.view;
    const { osd, element } = tool.view;
    osd.addHandler("canvas-press", (event) => tool.isOn && this.#press(event));
    osd.addHandler("canvas-drag", (event) => tool.isOn && this.#drag(event));
    osd.addHandler("canvas-drag-end", (event) => {
      if (this.#drew) event.preventDefaultAction = true; // no gliding on after a stroke
    });
    osd.addHandler("canvas-release", () => tool.isOn && this.#release());
    osd.addHandler("canvas-click", (event) => tool.isOn && this.#click(event));
    osd.addHandler("canvas-pinch", () => tool.isOn && this.forget()); // a second finger zooms, and what the first began is none
    element.addEventListener("pointermove", (event) => tool.isOn && this.#hover(event));
    element.addEventListener("pointerleave", () => {
      this.at = null;
      if (tool.isOn) this.view.redraw();
    });
  }

  /** Adds or removes, by the bar and the Alt key. */
  get removes() {
    return this.tool.removes !== this.#flips;
  }

  forget() {
    this.line = this.carried = this.#from = null;
    this.#flips = this.#isMoving = false;
    this.tool.movesOn = false;
    this.view.redraw();
  }

  /** @param {{position: {x: number, y: number}}} event @returns {Point} */
  #place({ position }) {
    return this.view.toSlide(position.x, position.y);
  }

  /** In level-0 pixels. */
  #reach() {
    return (REACH_PX[/** @type {keyof typeof REACH_PX} */ (this.#pointer)] ?? REACH_PX.mouse) / this.view.scale();
  }

  /** @param {OpenSeadragon.CanvasPressEvent} event */
  #press(event) {
    const { tool } = this;
    const { altKey, shiftKey } = /** @type {PointerEvent} */ (event.originalEvent);
    const at = this.#place(event);
    this.forget();
    this.#drew = false;
    this.#pointer = event.pointerType;
    if (shiftKey) return;
    this.at = this.#from = at;
    this.#flips = altKey;
    if (tool.way === "freehand" || tool.way === "brush") this.line = [at];
    else if (tool.way === "edit") this.#grab(this.#handleAt(at));
    else if (tool.way === "region") this.#isMoving = Boolean(tool.region && inside(tool.region.polygon, ...at));
    this.view.redraw();
  }

  /** @param {Point} at */
  #handleAt(at) {
    return nearestHandle(this.tool.drawing.rings, at, this.#reach(), MIDDLE_PX / this.view.scale());
  }

  /** A vertex, or a new one where the middle of an edge is pressed. @param {import("./shapes.js").Handle|null} handle */
  #grab(handle) {
    const { tool } = this;
    tool.chosen = null;
    if (handle?.isMiddle) {
      const said = tool.drawing.insertVertex(handle, handle.at);
      if (!said) tool.chosen = { ring: handle.ring, index: handle.index + 1 };
      tool.movesOn = !said; // where it is moved to is part of the step that made it
    } else if (handle) tool.chosen = { ring: handle.ring, index: handle.index };
  }

  /** Space picks up what is under the cross, else the nearest corner, or puts it down. @param {Point} at */
  grabByKey(at) {
    const { tool } = this;
    const isDown = Boolean(tool.chosen);
    tool.movesOn = false;
    if (isDown) tool.chosen = null;
    else
      this.#grab(this.#handleAt(at) ?? nearestHandle(tool.drawing.rings, at, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY));
    tool.update(isDown || tool.chosen ? "" : "Nothing is drawn yet.");
  }

  /** @param {OpenSeadragon.CanvasDragEvent} event */
  #drag(event) {
    const { tool } = this;
    const at = this.#place(event);
    this.at = at;
    const draws = this.line || (tool.way === "edit" && tool.chosen && this.#from) || this.#isMoving;
    if (!draws || !this.#from) return; // the slide moves
    event.preventDefaultAction = this.#drew = true;
    if (this.line) this.addToLine(at);
    else if (this.#isMoving) {
      tool.region?.move(at[0] - this.#from[0], at[1] - this.#from[1], tool.movesOn);
      tool.movesOn = true;
      tool.layer.moved = tool.region?.polygon ?? null;
      this.#from = at;
    } else this.carried = at;
    this.view.redraw();
  }

  /** @param {Point} at */
  addToLine(at) {
    const last = this.line?.at(-1);
    if (!last || Math.hypot(at[0] - last[0], at[1] - last[1]) * this.view.scale() >= STEP_PX) this.line?.push(at);
  }

  #release() {
    const { tool } = this;
    if (!this.#from) return;
    let said = "";
    if (tool.way === "brush" || (this.line && this.line.length > 2)) said = this.#putLine();
    else if (this.carried && tool.chosen) said = tool.drawing.moveVertex(tool.chosen, this.carried, tool.movesOn);
    this.line = this.carried = this.#from = null;
    this.#isMoving = tool.movesOn = false;
    if (this.#pointer === "touch") this.at = null; // a finger that is lifted points nowhere
    tool.update(said);
  }

  /** What was drawn in one go becomes part of the area, or leaves it. */
  endLine() {
    const said = this.#putLine();
    this.line = null;
    this.tool.update(said);
  }

  #putLine() {
    const { tool, line } = this;
    if (!line) return "";
    const { drawing, sheet } = tool;
    if (tool.way === "brush") return drawing.brush(line, tool.radius_um, this.removes);
    const pixel_um = Math.max(sheet.mpp.x, sheet.mpp.y) / this.view.scale();
    return drawing.enclose(line, this.removes, Math.max(LEAST_UM, pixel_um));
  }

  /** @param {OpenSeadragon.CanvasClickEvent} event */
  #click(event) {
    const { tool } = this;
    event.preventDefaultAction = true;
    if (tool.way !== "polygon" || !event.quick) return;
    const at = this.#place(event);
    const [first] = tool.drawing.path;
    const closing_l0 = Math.max(CLOSING_PX / this.view.scale(), this.#reach());
    if (first && tool.drawing.path.length > 2 && Math.hypot(first[0] - at[0], first[1] - at[1]) < closing_l0) tool.closePath();
    else tool.update(tool.drawing.addCorner(at));
  }

  /** @param {PointerEvent} event */
  #hover(event) {
    if (event.buttons) return;
    const box = this.view.element.getBoundingClientRect();
    this.at = this.view.toSlide(event.clientX - box.left, event.clientY - box.top);
    this.#flips = event.altKey;
    this.view.redraw();
  }
}
