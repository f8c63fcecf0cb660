/** Whether the slide is like those the model was trained on: one line, which opens to the reasons. */

import { el, icon } from "../lib/dom.js";

/** @typedef {import("./types.js").Validity} Validity */

const LOOKS = /** @type {Record<string, [string, string]>} */ ({
  ok: ["circle-check", "yes"],
  caution: ["triangle-alert", "warn"],
  "not valid": ["octagon-alert", "bad"],
  "not checked": ["circle-dashed", ""],
});
const LIKE = "Like the training slides in all that was measured. That says nothing about a single detection.";
const UNKNOWN = "This analysis was not compared with the training slides.";
const COMING = "It is not yet compared with the training slides: that follows the analysis.";

/**
 * The grade as a chip, and its reasons in sentences.
 * @param {Validity|null} validity
 * @param {boolean} [coming] whether a check that is not there yet will be
 */
export function validityParts(validity, coming = false) {
  const grade = validity?.grade ?? "not checked";
  const [name, tone] = LOOKS[grade];
  return {
    chip: el("span", { class: `chip ${tone}` }, icon(name), grade),
    reasons: validity?.reasons.length ? validity.reasons : [validity ? LIKE : coming ? COMING : UNKNOWN],
  };
}

/** @param {Validity|null} validity @param {boolean} [coming] @param {Node|null} [action] what can be done about it */
export function validityLine(validity, coming, action) {
  const { chip, reasons } = validityParts(validity, coming);
  return el(
    "details",
    { class: "validity" },
    el("summary", {}, "Slide", chip, el("span", { class: "first ellipsis", text: reasons[0] }), icon("chevron-down")),
    el("ul", { tabindex: 0, "aria-label": "Reasons" }, ...reasons.map((text) => el("li", { text })), action && el("li", {}, action)),
  );
}
