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

const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
});

/**
 * The keys that move a view.
 * @param {() => import("./slide_view.js").SlideView} view the one that they move now
 * @returns {import("./keys.js").Binding[]}
 */
export function panKeys(view) {
  return [
    {
      keys: ["+", "=", "-", "−", "Home"],
      shown: ["+", "−", "Home"],
      words: "zoom in, out, whole slide",
      navigation: true,
      run: (key) => (key === "Home" ? view().fit() : view().zoomBy(key === "+" || key === "=" ? ZOOM : 1 / ZOOM)),
    },
    {
      keys: Object.keys(ARROWS),
      shown: ["←", "↑", "→", "↓"],
      words: "pan",
      navigation: true,
      run: (key) => view().panBy(ARROWS[key][0] * PAN, ARROWS[key][1] * PAN),
    },
  ];
}

/**
 * While a tool shows its cross the arrows steer that, with Shift by single pixels.
 * @param {import("./tools.js").Tools} tools
 * @param {import("./keys.js").Binding[]} pans
 * @returns {import("./keys.js").Binding[]}
 */
function steerKeys(tools, pans) {
  const steered = pans.map((binding) => ({
    ...binding,
    run: (/** @type {string} */ key) => {
      if (tools.steers && key in ARROWS) tools.steer(...ARROWS[key], false);
      else binding.run(key);
    },
  }));
  return [
    ...steered,
    {
      keys: Object.keys(ARROWS).map((key) => `Shift ${key}`),
      words: "",
      navigation: true,
      run: (key) => {
        const arrow = key.replace("Shift ", "");
        if (tools.steers) tools.steer(...ARROWS[arrow], true);
        else pans.find(({ keys }) => keys.includes(arrow))?.run(arrow);
      },
    },
  ];
}

/**
 * The second and third are the drawing tool's own, named here for the sheet of keys.
 * @param {() => void} draw
 * @returns {import("./keys.js").Binding[]}
 */
function drawKeys(draw) {
  const own = () => undefined;
  return [
    { keys: ["u"], words: "draw the tumour, or move the region", run: draw },
    { keys: [], shown: ["p", "f", "b", "e", "o"], words: "while drawing: corners, freehand, brush, edit, region", run: own },
    { keys: [], shown: ["x", "[", "]", "Space"], words: "while drawing: remove, brush width, set a corner", run: own },
  ];
}

/**
 * @param {import("./slide_view.js").SlideView} view
 * @param {{toggleHidden: () => void}} controls
 * @param {import("./tools.js").Tools} tools
 * @returns {import("./keys.js").Binding[]}
 */
export function viewKeys(view, { toggleHidden }, tools) {
  const use = (/** @type {import("./tools.js").Mode} */ mode) => () => tools.use(mode);
  return [
    { keys: ["h"], words: "hide all marks, while held or on", run: toggleHidden, held: toggleHidden },
    { keys: ["v"], words: "move", run: use("move") },
    ...(tools.may.add ? [{ keys: ["a"], words: "add a figure: click, or arrows and Enter", run: use("add") }] : []),
    ...(tools.may.region ? [{ keys: ["r"], words: "draw a region: mouse, or arrows and Enter", run: use("region") }] : []),
    ...(tools.may.region ? drawKeys(use("draw")) : []),
    { keys: ["m"], words: "measure: mouse, or arrows and Enter", run: use("measure") },
    ...steerKeys(
      tools,
      panKeys(() => view),
    ),
  ];
}
