/**
 * What a press on the slide does: move (and choose a mark), add a figure, draw a region, measure, draw a known length. By
 * keyboard the arrows steer a cross and Enter is the press. Drawing the tumour has a module of its own, fetched when it is wanted.
 */

import { el, isTextField } from "../lib/dom.js";
import { toast } from "../lib/toast.js";
import { apply } from "./geometry.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {"move"|"add"|"region"|"draw"|"measure"|"length"} Mode
 * @typedef {{choose: (key: string) => void, add: (x_l0: number, y_l0: number) => void, region: (polygon: Point[]) => void, loadDrawing: () => Promise<void>}} Actions
 */

const ESCAPE = [el("kbd", { text: "Esc" }), " ends."];
const ENTER = el("kbd", { text: "Enter" });

/** @type {Record<Mode, (string|Node)[]>} */
const HINTS = {
  move: [],
  add: ["Click the middle of the figure, or steer the cross there with the arrows and press ", ENTER, ". ", ...ESCAPE],
  region: [
    "Drag a rectangle, or click corners and press ",
    ENTER,
    ". By keyboard: steer the cross with the arrows, ",
    ENTER,
    " at each corner, twice at the last. ",
    ...ESCAPE,
  ],
  draw: [],
  measure: ["Drag from end to end, or steer the cross with the arrows and press ", ENTER, " at both ends. ", ...ESCAPE],
  length: [
    "Drag from end to end of the known length, or steer the cross with the arrows and press ",
    ENTER,
    " at both ends. ",
    ...ESCAPE,
  ],
};
const DRAWN = new Set(["region", "measure", "length"]);
const LINES = new Set(["measure", "length"]);
const SHORTEST_DRAG_PX = 4;
const CLOSING_PX = 10;
const STEP_PX = 16; // of the cross; one pixel with Shift
const EDGE_PX = 48; // the slide moves along before the cross leaves the canvas

export class Tools {
  /** @type {Mode} */
  mode = "move";
  #start = /** @type {Point|null} */ (null);
  #dragged = false;
  /** @type {((mode: Mode) => void)[]} */
  #listeners = [];
  #isDrawingLoaded = false;
  /** What becomes of a known length. @type {((length_px: number) => void)|null} */
  #measured = null;

  /**
   * @param {import("./slide_view.js").SlideView} view
   * @param {import("../overlays/layer.js").MarkLayer} layer
   * @param {{buttons: HTMLElement[], frame: HTMLElement, hint: HTMLElement, may: Record<string, boolean>, actions: Actions}} parts
   */
  constructor(view, layer, { buttons, frame, hint, may, actions }) {
    this.view = view;
    this.layer = layer;
    this.buttons = buttons;
    this.frame = frame;
    this.hint = hint;
    this.may = may;
    this.actions = actions;
    for (const button of buttons) {
      const mode = /** @type {Mode} */ (button.dataset.tool);
      if (may[mode] === false) button.setAttribute("disabled", "");
      button.addEventListener("click", () => this.use(mode));
    }
    view.osd.addHandler("canvas-click", (event) => this.#click(event));
    view.osd.addHandler("canvas-press", (event) => this.#press(event));
    view.osd.addHandler("canvas-drag", (event) => this.#drag(event));
    view.osd.addHandler("canvas-drag-end", (event) => this.#dragEnd(event));
    view.osd.addHandler("canvas-double-click", (event) => {
      if (this.mode === "move") view.zoomBy(2);
      else event.preventDefaultAction = true;
    });
    view.element.addEventListener("pointermove", (event) => this.#hover(event));
  }

  /** @param {Mode} mode */
  use(mode) {
    if (this.may[mode] === false) return;
    if (mode === "draw" && !this.#isDrawingLoaded) {
      this.#loadDrawing();
      return;
    }
    this.mode = mode;
    this.#start = null;
    this.layer.draft = null;
    this.layer.cross = mode === "move" ? null : this.#middle();
    if (mode !== "move") this.view.osd.canvas.focus({ preventScroll: true });
    if (!LINES.has(mode)) this.layer.measure = null;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.tool === mode));
    for (const name of ["add", "region", "draw", "measure", "length"]) this.frame.classList.toggle(`tool-${name}`, name === mode);
    this.hint.hidden = mode === "move";
    this.hint.replaceChildren(...HINTS[mode].map((part) => (typeof part === "string" ? part : part.cloneNode(true))));
    for (const listener of this.#listeners) listener(mode);
    this.view.redraw();
  }

  async #loadDrawing() {
    const pressAgain = holdKeys();
    try {
      await this.actions.loadDrawing();
      this.#isDrawingLoaded = true;
      this.use("draw");
    } catch (error) {
      console.error(error);
      toast("The drawing tool could not be loaded: the server was not reached.", { kind: "bad" });
    } finally {
      pressAgain(this.#isDrawingLoaded);
    }
  }

  /** @param {(mode: Mode) => void} listener */
  onUse(listener) {
    this.#listeners.push(listener);
  }

  /** A line over something of known length. @param {(length_px: number) => void} done gets its length in level-0 pixels */
  drawLength(done) {
    this.use("length");
    this.layer.measure = null;
    this.#measured = done;
  }

  forgetLine() {
    this.layer.measure = null;
    this.view.redraw();
  }

  /** Escape: first what is being drawn, then the tool. @returns {boolean} whether there was something to end */
  escape() {
    if (this.layer.draft?.points.length) {
      this.layer.draft = null;
      this.view.redraw();
      return true;
    }
    if (this.mode === "move") return false;
    this.use("move");
    return true;
  }

  /** Enter: a press at the cross; after corners set by mouse it closes the polygon. @returns {boolean} whether it meant something */
  enter() {
    const { cross } = this.layer;
    const points = this.layer.draft?.points ?? [];
    if (cross && this.mode !== "move") this.#pressAt(cross);
    else if (this.mode === "region" && points.length > 2) this.#finish(points);
    else return false;
    this.view.redraw();
    return true;
  }

  /** @param {Point} at level-0 */
  #pressAt(at) {
    const { width, height } = this.view.slide;
    if (this.mode === "add") this.actions.add(Math.min(at[0], width - 1), Math.min(at[1], height - 1));
    else if (this.mode === "region") this.#cornerByKey(at);
    else if (!this.#start) {
      this.#start = at;
      this.layer.measure = [at, at];
    } else {
      this.#start = null;
      if (this.mode === "length") this.#lengthDrawn();
    }
  }

  /** @param {Point} at */
  #cornerByKey(at) {
    const points = this.layer.draft?.points ?? [];
    const last = points.at(-1);
    if (last?.[0] !== at[0] || last[1] !== at[1]) {
      this.#corner(at);
      return;
    }
    const [x, y] = apply(this.view.affine(), ...at);
    if (points.length === 2) this.#finish(rectangle(points[0], { x, y }, this.view));
    else if (points.length > 2) this.#finish(points);
  }

  /** Whether the arrows move the cross now, not the slide. */
  get steers() {
    return this.layer.cross !== null;
  }

  /** @param {number} dx @param {number} dy steps on the screen @param {boolean} fine by one pixel */
  steer(dx, dy, fine) {
    if (!this.layer.cross) return;
    const [x, y] = apply(this.view.affine(), ...this.layer.cross);
    const step = fine ? 1 : STEP_PX;
    const [to_x, to_y] = [x + dx * step, y + dy * step];
    const cross = this.#onSlide(...this.view.toSlide(to_x, to_y));
    this.layer.cross = cross;
    if (this.layer.draft) this.layer.draft.cursor = cross;
    if (LINES.has(this.mode) && this.#start) this.layer.measure = [this.#start, cross];
    const { width, height } = this.view.size;
    const isAtEdge = to_x < EDGE_PX || to_y < EDGE_PX || to_x > width - EDGE_PX || to_y > height - EDGE_PX;
    if (isAtEdge) this.view.panBy((dx * step) / width, (dy * step) / height);
    this.view.redraw();
  }

  #middle() {
    const { width, height } = this.view.size;
    return this.#onSlide(...this.view.toSlide(width / 2, height / 2));
  }

  /** @param {Point[]} polygon */
  #finish(polygon) {
    this.use("move");
    this.actions.region(polygon.map(([x, y]) => this.#onSlide(x, y)));
  }

  /** A corner drawn past the edge lies on the edge. @param {number} x_l0 @param {number} y_l0 @returns {Point} */
  #onSlide(x_l0, y_l0) {
    const { width, height } = this.view.slide;
    return [Math.min(width, Math.max(0, x_l0)), Math.min(height, Math.max(0, y_l0))];
  }

  /** @param {OpenSeadragon.CanvasClickEvent} event */
  #click(event) {
    if (!event.quick || this.#dragged) return;
    const [x_l0, y_l0] = this.view.toSlide(event.position.x, event.position.y);
    if (this.mode === "move") {
      const key = this.layer.hit(event.position.x, event.position.y);
      if (key) this.actions.choose(key);
    } else if (this.mode === "add") {
      const { width, height } = this.view.slide;
      if (x_l0 >= 0 && y_l0 >= 0 && x_l0 < width && y_l0 < height) this.actions.add(x_l0, y_l0);
    } else if (this.mode === "region") this.#corner([x_l0, y_l0]);
    event.preventDefaultAction = true;
  }

  /** @param {Point} corner */
  #corner(corner) {
    const draft = this.layer.draft ?? { points: [], cursor: null };
    const [first] = draft.points;
    if (first && draft.points.length > 2) {
      if (Math.hypot(first[0] - corner[0], first[1] - corner[1]) * this.view.scale() < CLOSING_PX) {
        this.#finish(draft.points);
        return;
      }
    }
    this.layer.draft = { points: [...draft.points, corner], cursor: null };
    this.view.redraw();
  }

  /** @param {OpenSeadragon.CanvasPressEvent} event */
  #press(event) {
    this.#dragged = false;
    this.#start = this.view.toSlide(event.position.x, event.position.y);
  }

  /** @param {OpenSeadragon.CanvasDragEvent} event */
  #drag(event) {
    if (!DRAWN.has(this.mode)) return;
    event.preventDefaultAction = true;
    if (!this.#start || (this.mode === "region" && this.layer.draft?.points.length && !this.#dragged)) return;
    this.#dragged = true;
    const to = this.view.toSlide(event.position.x, event.position.y);
    if (LINES.has(this.mode)) this.layer.measure = [this.#start, to];
    else this.layer.draft = { points: rectangle(this.#start, event.position, this.view), cursor: null };
    this.view.redraw();
  }

  /** @param {Omit<OpenSeadragon.CanvasDragEvent, "delta">} event */
  #dragEnd(event) {
    if (!DRAWN.has(this.mode)) return;
    event.preventDefaultAction = true;
    if (this.mode === "length") this.#lengthDrawn();
    if (this.mode === "region" && this.#dragged && this.layer.draft) this.#finish(this.layer.draft.points);
  }

  #lengthDrawn() {
    if (!this.layer.measure) return;
    const [[x1, y1], [x2, y2]] = this.layer.measure;
    const length_px = Math.hypot(x2 - x1, y2 - y1);
    if (length_px * this.view.scale() < SHORTEST_DRAG_PX) return;
    const [line, done] = [this.layer.measure, this.#measured];
    this.use("move");
    this.layer.measure = line; // stays in sight behind the dialog
    this.view.redraw();
    done?.(length_px);
  }

  /** @param {PointerEvent} event */
  #hover(event) {
    if (this.layer.cross) {
      this.layer.cross = null; // the mouse points by itself
      this.view.redraw();
    }
    if (this.mode !== "region" || !this.layer.draft?.points.length || event.buttons) return;
    const box = this.view.element.getBoundingClientRect();
    this.layer.draft.cursor = this.view.toSlide(event.clientX - box.left, event.clientY - box.top);
    this.view.redraw();
  }
}

/**
 * Keys that are meant for a tool which is still on its way: a digit would be a verdict meanwhile.
 * @returns {(again: boolean) => void} ends that, and presses them again
 */
function holdKeys() {
  /** @type {KeyboardEvent[]} */
  const held = [];
  const hold = (/** @type {KeyboardEvent} */ event) => {
    if (isTextField(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    held.push(event);
  };
  document.addEventListener("keydown", hold, { capture: true });
  return (again) => {
    document.removeEventListener("keydown", hold, { capture: true });
    for (const { key, code, shiftKey, ctrlKey, altKey, metaKey } of again ? held : [])
      document.body.dispatchEvent(
        new KeyboardEvent("keydown", { key, code, shiftKey, ctrlKey, altKey, metaKey, bubbles: true, cancelable: true }),
      );
  };
}

/**
 * A rectangle upright on the screen, also where the slide is rotated.
 * @param {Point} start level-0
 * @param {{x: number, y: number}} to CSS pixels
 * @param {import("./slide_view.js").SlideView} view
 * @returns {Point[]}
 */
function rectangle(start, to, view) {
  const m = view.affine();
  const x = m.a * start[0] + m.c * start[1] + m.e;
  const y = m.b * start[0] + m.d * start[1] + m.f;
  return [
    [x, y],
    [to.x, y],
    [to.x, to.y],
    [x, to.y],
  ].map(([px, py]) => view.toSlide(px, py));
}
