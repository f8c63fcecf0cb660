/** 1x to 40x by the pixel size (40x is 0.25 µm per screen pixel); without one, fractions of the slide's own pixels. */

import { el, one } from "../lib/dom.js";

const POWERS = [1, 2.5, 5, 10, 20, 40];
const RATIOS = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1];

/**
 * @param {HTMLElement} host
 * @param {import("./slide_view.js").SlideView} view
 */
export function installZooms(host, view) {
  const folded = one("#zooms-now");
  const steps = view.mpp ? POWERS : RATIOS;
  const buttons = steps.map((step) => {
    const label = view.mpp ? `${step}×` : step === 1 ? "1:1" : `1:${1 / step}`;
    return el("button", {
      type: "button",
      "aria-pressed": "false",
      text: label,
      onclick: () => (view.mpp ? view.zoomToPower(step) : view.zoomToRatio(step)),
    });
  });
  host.append(...buttons);
  view.addEventListener("frame", () => {
    const now = view.mpp ? (view.power() ?? 0) : view.scale();
    const words = view.mpp ? `${+now.toPrecision(2)}×` : now >= 1 ? `${+now.toPrecision(2)}:1` : `1:${+(1 / now).toPrecision(2)}`;
    if (folded.textContent !== words) folded.textContent = words;
    buttons.forEach((button, index) => {
      button.setAttribute("aria-pressed", String(Math.abs(now / steps[index] - 1) < 0.03));
    });
  });
}
