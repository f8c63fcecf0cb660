/** The viewer's part of what is asked about a slide: buttons in the drawer, and the panel of a slide that waits. */

import { el, icon } from "../lib/dom.js";
import { answerDoubts, isOfSize, isOpen } from "../lib/doubts.js";
import { toast } from "../lib/toast.js";

/** @typedef {import("./types.js").Slide} Slide */

/** @param {Slide} slide */
export const openDoubts = (slide) => slide.doubts.filter(isOpen);

/**
 * Buttons that answer, or take the answer back; null where there is nothing to do, or this person may not.
 * @param {Slide} slide
 * @param {(() => void)|null} calibrate opens the pixel size; null: this person may not answer
 * @param {boolean} [isMain] whether the first one is the page's main button
 */
export function answerButtons(slide, calibrate, isMain = false) {
  if (!calibrate || !slide.doubts.length) return null;
  const open = openDoubts(slide);
  if (!open.length) return el("div", { class: "row" }, answerButton(slide, "ask_again", "Take the answer back", "btn small"));
  if (!isMain) return el("div", { class: "row" }, answerButton(slide, "as_told", "Use as it is", "btn small"));
  // What a file says wrongly is seldom meant: where a size is asked, setting it comes first.
  const size = open.some(isOfSize)
    ? el("button", { type: "button", class: "btn primary", text: "Set pixel size…", onclick: calibrate })
    : null;
  return el("div", { class: "row wrap" }, size, answerButton(slide, "as_told", "Use as it is", size ? "btn" : "btn primary"));
}

/** @param {Slide} slide @param {"as_told"|"ask_again"} answer @param {string} text @param {string} kind */
function answerButton(slide, answer, text, kind) {
  const send = async () => {
    try {
      await answerDoubts(slide.id, answer);
      location.reload();
    } catch (problem) {
      toast(/** @type {Error} */ (problem).message, { kind: "bad" });
    }
  };
  return el("button", { type: "button", class: kind, "data-answer": answer, text, onclick: send });
}

/** What the panel says while a slide waits. @param {Slide} slide @param {(() => void)|null} calibrate */
export function askingParts(slide, calibrate) {
  return [
    icon("circle-help"),
    el("h2", { text: "Waits for an answer" }),
    ...openDoubts(slide).map(({ text }) => el("p", { text })),
    answerButtons(slide, calibrate, true) ?? el("p", { class: "caption", text: "A technician or team lead answers it." }),
  ];
}
