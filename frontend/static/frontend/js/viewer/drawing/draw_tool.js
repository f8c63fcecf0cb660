/**
 * Draws the tumour on the slide by mouse, finger, pen or keys, and moves the region that is counted in. What is drawn is a
 * `Drawing`; here it meets slide, bar and server. What is left without being saved is put aside and goes on where it was.
 */

import { toast } from "../../lib/toast.js";
import { choice, choose } from "../../lib/storage.js";
import { drawDrawing } from "../../overlays/areas.js";
import { ringsOf } from "../areas.js";
import { DrawBar } from "./bar.js";
import { Drawing } from "./drawing.js";
import { hintOf } from "./hints.js";
import { installDrawKeys } from "./keys.js";
import { Pointing } from "./pointing.js";
import { RegionMove } from "./region_move.js";

/**
 * @typedef {import("../geometry.js").Point} Point
 * @typedef {import("../areas.js").Area} Area
 * @typedef {import("./bar.js").Way} Way
 * @typedef {import("./shapes.js").Vertex} Vertex
 * @typedef {{tools: import("../tools.js").Tools, areas: import("../areas.js").Areas, bar: HTMLElement, hint: HTMLElement, live: HTMLElement,
 *   movable: () => {polygon: Point[], name: string}|null, keepRegion: (polygon: Point[], name: string) => Promise<boolean>}} Parts
 */

const NEW = "new";
const SIZES_UM = [10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 3000];
const PX_IN_UM = 4; // sizes of a brush on a slide without a pixel size

export class DrawTool {
  /** @type {Way} */
  way = "freehand";
  removes = false;
  saves = false;
  /** The vertex that arrows move and Delete takes away. @type {Vertex|null} */
  chosen = null;
  /** Whether the next step by keys goes on with the last one. */
  movesOn = false;
  /** What is changed, as it was read. @type {Area|null} */
  area = null;
  /** Drawings that were left, by what they are of. @type {Map<string, Drawing>} */
  #aside = new Map();
  /** @type {RegionMove|null} */
  region = null;

  /** @param {import("../slide_view.js").SlideView} view @param {import("../../overlays/layer.js").MarkLayer} layer @param {Parts} parts */
  constructor(view, layer, parts) {
    const { width, height, mpp_x, mpp_y } = view.slide;
    this.view = view;
    this.layer = layer;
    this.parts = parts;
    this.hasSize = Boolean(mpp_x && mpp_y);
    this.sheet = { width, height, mpp: { x: mpp_x || 1, y: mpp_y || 1 } };
    this.drawing = new Drawing([], this.sheet);
    this.diameter = Number(choice("brush", "200")) || 200;
    this.bar = new DrawBar(parts.bar, {
      use: (way) => this.use(way),
      toggleRemoving: () => this.toggleRemoving(),
      resize: (by) => this.resize(by),
      undo: () => this.undo(),
      redo: () => this.redo(),
      leave: () => this.leave(),
      save: () => this.save(),
    });
    this.pointing = new Pointing(this);
    installDrawKeys(this);
    parts.tools.onUse((mode) => {
      if (mode !== "draw") this.#end();
      else if (layer.drawing) this.update();
      else this.#begin();
    });
    addEventListener("beforeunload", (event) => {
      if (this.isUnsaved) event.preventDefault();
    });
  }

  get isOn() {
    return this.parts.tools.mode === "draw";
  }

  get isUnsaved() {
    return this.isOn && (this.drawing.isChanged || Boolean(this.region?.isMoved));
  }

  /** In the unit of the glass: µm, or pixels of a slide without a pixel size. */
  get radius_um() {
    return (this.hasSize ? this.diameter : this.diameter * PX_IN_UM) / 2;
  }

  /** Draw the tumour, or change what was drawn. @param {Area|null} area */
  start(area = null) {
    if (this.isOn) this.#end();
    this.area = area;
    this.way = area ? "edit" : this.way === "edit" || this.way === "region" ? "freehand" : this.way;
    this.parts.tools.use("draw");
    if (area) this.#lookAt(area);
  }

  #begin() {
    const known = this.#aside.get(this.area?.id ?? NEW);
    this.#aside.delete(this.area?.id ?? NEW);
    this.drawing = known ?? new Drawing(this.area ? ringsOf(this.area) : [], this.sheet);
    this.layer.drawing = (ctx, affine) => drawDrawing(ctx, affine, this.#shown());
    this.parts.areas.edit(this.area?.id ?? null);
    this.parts.bar.hidden = false;
    this.removes = false;
    this.use(this.way);
  }

  #end() {
    if (!this.layer.drawing) return;
    const { area, drawing } = this;
    if (drawing.isChanged) {
      this.#aside.set(area?.id ?? NEW, drawing);
      toast("Not saved: the drawing was put aside.", { kind: "warn", action: { label: "Go on", run: () => this.start(area) } });
    }
    this.area = this.region = this.chosen = null;
    this.drawing = new Drawing([], this.sheet);
    this.layer.drawing = this.layer.moved = null;
    this.pointing.forget();
    this.parts.areas.edit(null);
    this.parts.bar.hidden = true;
    this.parts.hint.classList.remove("warn");
  }

  leave() {
    this.parts.tools.use("move");
  }

  /** @param {Way} way */
  use(way) {
    const movable = this.parts.movable();
    this.way = way === "region" && !movable ? "freehand" : way;
    this.region = this.way === "region" && movable ? new RegionMove(movable, this.sheet) : null;
    this.chosen = null;
    this.pointing.forget();
    this.update();
  }

  toggleRemoving() {
    this.removes = !this.removes;
    this.update();
  }

  /** @param {number} by steps */
  resize(by) {
    const at = SIZES_UM.findIndex((size) => size >= this.diameter);
    this.diameter = SIZES_UM[Math.min(SIZES_UM.length - 1, Math.max(0, at + by))];
    choose("brush", String(this.diameter));
    this.update();
  }

  undo() {
    this.chosen = null;
    if (this.region) this.region.undo();
    else if (!this.drawing.history.undo()) this.update("Nothing to undo here.");
    this.update();
  }

  redo() {
    this.chosen = null;
    if (this.region) this.region.redo();
    else this.drawing.history.redo();
    this.update();
  }

  /** Enter: closes what is open, else saves. */
  enter() {
    if (this.pointing.line) this.pointing.endLine();
    else if (this.drawing.path.length && this.way !== "region") this.closePath();
    else this.save();
  }

  /** Escape: first what is open, then the tool. */
  escape() {
    if (this.pointing.line || this.chosen) this.pointing.forget();
    else if (this.drawing.path.length) this.drawing.dropPath();
    else {
      this.leave();
      return;
    }
    this.chosen = null;
    this.update();
  }

  closePath() {
    this.update(this.drawing.closePath(this.removes));
  }

  /** Backspace and Delete. */
  takeBack() {
    if (this.chosen) {
      const said = this.drawing.removeVertex(this.chosen);
      this.chosen = null;
      this.update(said);
      return;
    }
    this.drawing.takeBack();
    this.update();
  }

  async save() {
    if (this.saves) return;
    if (this.region) {
      await this.#keepRegion(this.region);
      return;
    }
    if (this.drawing.path.length) {
      const said = this.drawing.closePath(this.removes);
      if (said) {
        this.update(said);
        return;
      }
    }
    if (this.drawing.isChanged) await this.#send();
    else this.leave();
  }

  async #send() {
    const { area, drawing } = this;
    this.saves = true;
    this.update();
    try {
      const kept = await this.#keep(area, drawing);
      drawing.begun = drawing.rings; // saved: nothing is put aside
      this.parts.live.textContent = kept;
      this.leave();
    } catch (error) {
      this.#refused(/** @type {import("../../lib/api.js").ApiError} */ (error), area, drawing);
    } finally {
      this.saves = false;
      if (this.isOn) this.update();
    }
  }

  /** @param {Area|null} area @param {Drawing} drawing @returns {Promise<string>} what was done */
  async #keep(area, drawing) {
    const { areas } = this.parts;
    if (!drawing.rings.length) {
      if (area) await areas.withdraw(area);
      return area ? `${area.name} removed.` : "Nothing is drawn.";
    }
    return area ? `${(await areas.change(area, drawing.rings)).name} changed.` : `${(await areas.add(drawing.rings)).name} saved.`;
  }

  /** What somebody else changed meanwhile is shown, and mine is kept until I decide. @param {import("../../lib/api.js").ApiError} error @param {Area|null} area @param {Drawing} drawing */
  #refused(error, area, drawing) {
    const isStale = Boolean(area) && [409, 412].includes(error.status);
    toast(isStale ? error.message : `Not saved: ${error.message}`, {
      kind: "bad",
      action: isStale ? { label: "Save mine as a new area", run: () => this.#asNew(drawing) } : undefined,
    });
    if (isStale) this.parts.areas.refresh();
  }

  /** @param {Drawing} drawing */
  #asNew(drawing) {
    const mine = new Drawing([], this.sheet);
    mine.history.push({ rings: drawing.rings, path: [] });
    this.drawing = new Drawing([], this.sheet);
    this.#aside.set(NEW, mine);
    this.start();
    this.save();
  }

  /** @param {RegionMove} region */
  async #keepRegion(region) {
    if (!region.isMoved) {
      this.leave();
      return;
    }
    this.saves = true;
    this.update();
    const isKept = await this.parts.keepRegion(region.polygon, region.name);
    this.saves = false;
    if (isKept) this.leave();
    else this.update();
  }

  /** Shows how it stands. @param {string} [said] what could not be done */
  update(said = "") {
    const { history } = this.drawing;
    const { region } = this;
    this.layer.moved = region?.polygon ?? null;
    this.bar.update({
      way: this.way,
      removes: this.removes,
      diameter_um: this.radius_um * 2,
      hasSize: this.hasSize,
      canUndo: region ? region.history.canUndo : history.canUndo,
      canRedo: region ? region.history.canRedo : history.canRedo,
      canSave: region ? region.isMoved : this.drawing.isChanged,
      saves: this.saves,
      area_um2: this.drawing.area_um2,
      movable: this.parts.movable()?.name ?? null,
    });
    this.#say(said);
    this.view.redraw();
  }

  /** It is a live region: what has not changed is not said again. @param {string} said */
  #say(said) {
    const { hint } = this.parts;
    const parts = hintOf(this, said);
    const words = parts.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
    if (hint.textContent !== words) hint.replaceChildren(...parts);
    hint.classList.toggle("warn", Boolean(said));
  }

  /** @returns {import("../../overlays/areas.js").Shown} */
  #shown() {
    const { drawing, way, pointing } = this;
    const at = this.layer.cross ?? pointing.at;
    const brush =
      way === "brush" && at
        ? { way: pointing.line ?? [at], radius_um: this.radius_um, mpp: this.sheet.mpp, removes: pointing.removes }
        : null;
    const moved = this.chosen && pointing.carried;
    const rings = moved ? withVertex(drawing.rings, /** @type {Vertex} */ (this.chosen), moved) : drawing.rings;
    return {
      rings,
      path: drawing.path,
      cursor: way === "polygon" ? at : null,
      line: way === "freehand" ? pointing.line : null,
      brush,
      handles: way === "edit" ? { least_px: 28, chosen: this.chosen && rings[this.chosen.ring]?.[this.chosen.index] } : null,
    };
  }

  /** Unless the whole of it is in view. @param {Area} area */
  #lookAt({ polygon }) {
    if (polygon.every(([x_l0, y_l0]) => this.view.shows(x_l0, y_l0))) return;
    const [xs, ys] = [polygon.map(([x]) => x), polygon.map(([, y]) => y)];
    const [x, y] = [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
    const wide = Math.max(
      (Math.max(...xs) - Math.min(...xs)) / this.view.size.width,
      (Math.max(...ys) - Math.min(...ys)) / this.view.size.height,
    );
    this.view.show(x, y, Math.min(this.view.scale(false), 0.8 / wide));
  }
}

/** @param {Point[][]} rings @param {Vertex} vertex @param {Point} at */
const withVertex = (rings, vertex, at) =>
  rings.map((ring, number) => (number === vertex.ring ? ring.map((point, index) => (index === vertex.index ? at : point)) : ring));
