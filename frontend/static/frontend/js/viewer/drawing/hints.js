/** What to do next, in a line above the slide. */

import { el } from "../../lib/dom.js";

const kbd = (/** @type {string} */ key) => el("kbd", { text: key });

/** @type {Record<import("./bar.js").Way, () => (string|Node)[]>} */
const HINTS = {
  polygon: () => [
    "Click the corners, or set each with ",
    kbd("Space"),
    ". ",
    kbd("Backspace"),
    " takes one back, ",
    kbd("Enter"),
    " closes.",
  ],
  freehand: () => ["Draw around the tumour in one go; with ", kbd("Alt"), " around what to leave out. ", kbd("Enter"), " saves."],
  brush: () => [
    "Paint the tumour; with ",
    kbd("Alt"),
    " or ",
    kbd("x"),
    " remove. ",
    kbd("["),
    kbd("]"),
    " change the width, ",
    kbd("Enter"),
    " saves.",
  ],
  edit: () => [
    "Drag a corner, or the middle of an edge for a new one. ",
    kbd("Delete"),
    " takes it away, ",
    kbd("Enter"),
    " saves.",
  ],
  region: () => ["Drag the region, or move it with the arrows. ", kbd("Enter"), " keeps it."],
};

/** @param {import("./draw_tool.js").DrawTool} tool @param {string} said what could not be done */
export function hintOf(tool, said) {
  if (said) return [said];
  if (tool.chosen) return ["The arrows move this corner, ", kbd("Delete"), " takes it away, ", kbd("Space"), " lets it be."];
  if (tool.way === "freehand" && tool.pointing.line) return ["The arrows draw, ", kbd("Space"), " closes the line."];
  const removes = tool.removes && tool.way !== "edit" && tool.way !== "region";
  return [...(removes ? [el("b", { text: "Removing. " })] : []), ...HINTS[tool.way](), " ", kbd("Esc"), " ends."];
}
