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
const UNKNOWN = "This analysis was not compared with the training slides; a new one will be.";

/** The grade as a chip, and its reasons in sentences. @param {Validity|null} validity */
export function validityParts(validity) {
  const grade = validity?.grade ?? "not checked";
  const [name, tone] = LOOKS[grade];
  return {
    chip: el("span", { class: `chip ${tone}` }, icon(name), grade),
    reasons: validity?.reasons.length ? validity.reasons : [validity ? LIKE : UNKNOWN],
  };
}

/** @param {Validity|null} validity */
export function validityLine(validity) {
  const { chip, reasons } = validityParts(validity);
  return el(
    "details",
    { class: "validity" },
    el("summary", {}, "Slide", chip, el("span", { class: "first ellipsis", text: reasons[0] }), icon("chevron-down")),
    el("ul", { tabindex: 0, "aria-label": "Reasons" }, ...reasons.map((text) => el("li", { text }))),
  );
}
