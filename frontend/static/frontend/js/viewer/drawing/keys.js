/**
 * The keys of the drawing tool, before those of the viewer: while something is drawn, undo and Space are of the drawing, and the
 * keys of verdicts rest. What it does not know (zoom, hide, other tools) goes on to the viewer.
 */

import { isTextField } from "../../lib/dom.js";
import { namesOf } from "../../lib/keyboard.js";
import { choice } from "../../lib/storage.js";
import { apply } from "../geometry.js";
import { WAYS } from "./bar.js";

/** @typedef {import("./draw_tool.js").DrawTool} DrawTool */

const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
});
const STEP_PX = 16; // one with Shift
const RESTING = new Set([..."1234567890cg", "Shift Space"]);

/** @param {DrawTool} tool */
export function installDrawKeys(tool) {
  document.addEventListener(
    "keydown",
    (event) => {
      if (!tool.isOn || isTextField(event.target) || document.querySelector("dialog[open]")) return;
      if (!takes(tool, event)) return;
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true },
  );
}

/** @param {DrawTool} tool @param {KeyboardEvent} event @returns {boolean} whether the press was the drawing's */
function takes(tool, event) {
  if (event.ctrlKey || event.metaKey) return takesUndo(tool, event);
  const onControl = /** @type {Element} */ (event.target).matches?.("button:focus-visible, summary:focus-visible, a:focus-visible");
  const names = namesOf(event);
  if (onControl && (names.includes("Enter") || names.includes("Space"))) return false;
  const run = names.map((name) => actionOf(tool, name)).find(Boolean);
  if (run) {
    // A button that was clicked would be pressed again when Space is let go.
    if (/** @type {Element} */ (event.target).matches?.("button")) tool.view.osd.canvas.focus({ preventScroll: true });
    run();
  }
  return Boolean(run) || names.some((name) => RESTING.has(name));
}

/** @param {DrawTool} tool @param {KeyboardEvent} event */
function takesUndo(tool, { key, shiftKey }) {
  const letter = key.toLowerCase();
  if (letter !== "z" && letter !== "y") return false;
  if (shiftKey || letter === "y") tool.redo();
  else tool.undo();
  return true;
}

/** @param {DrawTool} tool @param {string} name @returns {(() => void)|undefined} */
function actionOf(tool, name) {
  const arrow = ARROWS[name.replace("Shift ", "")];
  if (arrow) return () => steer(tool, arrow, name.startsWith("Shift ") ? 1 : STEP_PX);
  /** @type {Record<string, () => void>} */
  const always = {
    Enter: () => tool.enter(),
    Escape: () => tool.escape(),
    Backspace: () => tool.takeBack(),
    Delete: () => tool.takeBack(),
    Space: () => press(tool),
  };
  if (name in always) return always[name];
  if (choice("keys", "on") !== "on") return undefined;
  const way = WAYS.find(([, key]) => key === name)?.[0] ?? (name === "o" ? "region" : null);
  if (way) return () => tool.use(way);
  /** @type {Record<string, () => void>} */
  const single = {
    x: () => tool.toggleRemoving(),
    "[": () => tool.resize(-1),
    "]": () => tool.resize(1),
    z: () => tool.undo(),
    "Shift z": () => tool.redo(),
  };
  return single[name];
}

/** @param {DrawTool} tool @param {[number, number]} arrow @param {number} step_px */
function steer(tool, [dx, dy], step_px) {
  const { view, pointing } = tool;
  const away = (/** @type {import("../geometry.js").Point} */ from) => {
    const [x, y] = apply(view.affine(), ...from);
    return view.toSlide(x + dx * step_px, y + dy * step_px);
  };
  if (tool.region) {
    const from = tool.region.polygon[0];
    const to = away(from);
    tool.region.move(to[0] - from[0], to[1] - from[1], tool.movesOn);
    tool.movesOn = true;
    tool.update();
    return;
  }
  if (tool.chosen) {
    const vertex = tool.drawing.rings[tool.chosen.ring][tool.chosen.index];
    const said = tool.drawing.moveVertex(tool.chosen, away(vertex), tool.movesOn);
    if (!said) tool.movesOn = true;
    tool.layer.cross = tool.drawing.rings[tool.chosen.ring][tool.chosen.index];
    tool.update(said);
    return;
  }
  putCross(tool);
  tool.parts.tools.steer(dx, dy, step_px === 1);
  if (tool.way === "freehand" && pointing.line && tool.layer.cross) pointing.addToLine(tool.layer.cross);
}

/** The keyboard's cross, where the mouse was last or in the middle. @param {DrawTool} tool */
function putCross(tool) {
  if (tool.layer.cross) return tool.layer.cross;
  const { width, height } = tool.view.size;
  tool.layer.cross = tool.pointing.at ?? tool.view.toSlide(width / 2, height / 2);
  return tool.layer.cross;
}

/** Space at the cross. @param {DrawTool} tool */
function press(tool) {
  const { pointing, drawing } = tool;
  if (tool.way === "region") return;
  const at = putCross(tool);
  if (tool.way === "polygon") tool.update(drawing.addCorner(at));
  else if (tool.way === "edit") pointing.grabByKey(at);
  else if (tool.way === "freehand" && pointing.line) pointing.endLine();
  else {
    pointing.line = [at];
    if (tool.way === "brush") pointing.endLine();
    else tool.update();
  }
}
