/** Hide, rotate, fit, full screen, and the keys of the view. */

import { icon, one } from "../lib/dom.js";

const PAN = 0.14;
const ZOOM = 1.4;

/**
 * @param {import("./slide_view.js").SlideView} view
 * @param {import("../overlays/layer.js").MarkLayer} layer
 */
export function installView(view, layer) {
  const hideButton = one("#hide-button");
  const hide = (/** @type {boolean} */ hidden) => {
    layer.hidden = hidden;
    hideButton.setAttribute("aria-pressed", String(hidden));
    hideButton.replaceChildren(icon(hidden ? "eye-off" : "eye"));
    view.redraw();
  };
  const toggleHidden = () => hide(!layer.hidden);
  hideButton.addEventListener("click", toggleHidden);
  one("#rotate-button").addEventListener("click", () => view.rotate());
  one("#fit-button").addEventListener("click", () => view.fit());
  one("#full-button").addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else one("#canvas").requestFullscreen();
  });
  return { toggleHidden };
}

/**
 * The keys that move a view.
 * @param {() => import("./slide_view.js").SlideView} view the one that they move now
 * @returns {import("./keys.js").Binding[]}
 */
export function panKeys(view) {
  const pans = /** @type {Record<string, [number, number]>} */ ({
    ArrowLeft: [-PAN, 0],
    ArrowRight: [PAN, 0],
    ArrowUp: [0, -PAN],
    ArrowDown: [0, PAN],
  });
  return [
    {
      keys: ["+", "=", "-", "−", "Home"],
      shown: ["+", "−", "Home"],
      words: "zoom in, out, whole slide",
      navigation: true,
      run: (key) => (key === "Home" ? view().fit() : view().zoomBy(key === "+" || key === "=" ? ZOOM : 1 / ZOOM)),
    },
    {
      keys: Object.keys(pans),
      shown: ["←", "↑", "→", "↓"],
      words: "pan",
      navigation: true,
      run: (key) => view().panBy(...pans[key]),
    },
  ];
}

/**
 * @param {import("./slide_view.js").SlideView} view
 * @param {{toggleHidden: () => void}} controls
 * @param {import("./tools.js").Tools} tools
 * @returns {import("./keys.js").Binding[]}
 */
export function viewKeys(view, { toggleHidden }, tools) {
  return [
    { keys: ["h"], words: "hide all marks, while held or on", run: toggleHidden, held: toggleHidden },
    { keys: ["v"], words: "move", run: () => tools.use("move") },
    { keys: ["a"], words: "add a figure, then click", run: () => tools.use("add") },
    { keys: ["r"], words: "draw a region", run: () => tools.use("region") },
    { keys: ["m"], words: "measure", run: () => tools.use("measure") },
    ...panKeys(() => view),
    { keys: ["Escape"], words: "", navigation: true, run: () => tools.escape() },
    { keys: ["Enter"], words: "", navigation: true, run: () => tools.enter() },
  ];
}
