/** Bottom left: scale bar in steps of 1, 2, 5; place and pixel size. Without a pixel size the bar says px. */

import { el, svg } from "../lib/dom.js";
import { isOfSize, isOpen } from "../lib/doubts.js";
import { length, whole } from "../lib/format.js";
import { barLength } from "./geometry.js";

const LONGEST_PX = 200;
const SOURCES = /** @type {Record<string, string>} */ ({
  file: "from the file",
  hand: "set by hand",
  length: "by known length",
  optics: "by the optics",
  scanner: "scanner default",
  unknown: "",
});

/**
 * @param {HTMLElement} host
 * @param {import("./slide_view.js").SlideView} view
 */
export function installScaleBar(host, view) {
  const { slide } = view;
  const line = svg("svg", { width: LONGEST_PX, height: 7 });
  const text = el("span");
  const bar = el("div", { class: "bar" }, line, text);
  const place = el("div");
  const source = SOURCES[slide.mpp_source] ?? slide.mpp_source;
  const scale = view.mpp ? `${view.mpp.toFixed(4)} µm/px${source ? `, ${source}` : ""}` : "no pixel size";
  const doubt = slide.doubts.find((each) => isOpen(each) && isOfSize(each));
  const told = el("div", { class: doubt ? "over" : "", title: doubt?.text }, doubt ? `${scale}, in question` : scale);
  host.append(bar, el("div", { class: "where" }, place, told));

  let hover = /** @type {[number, number]|null} */ (null);
  const showPlace = () => {
    const { x_l0, y_l0 } = hover ? { x_l0: hover[0], y_l0: hover[1] } : view.centre();
    place.textContent = `x ${whole(x_l0)}, y ${whole(y_l0)} px`;
  };
  const draw = () => {
    const scalePx = view.scale();
    const unit = view.mpp ?? 1;
    const size = barLength((LONGEST_PX / scalePx) * unit);
    const wide = (size / unit) * scalePx;
    line.setAttribute("width", String(wide));
    line.replaceChildren(svg("path", { d: `M0.5 0V5H${(wide - 0.5).toFixed(1)}V0` }));
    text.textContent = view.mpp ? length(size) : `${whole(size)} px`;
    text.classList.toggle("over", scalePx > 1.001);
    text.title = scalePx > 1.001 ? "Beyond the slide's own resolution" : "";
    if (!hover) showPlace();
  };
  view.addEventListener("frame", draw);
  view.element.addEventListener("pointermove", (event) => {
    if (!view.osd.world.getItemCount()) return;
    const box = view.element.getBoundingClientRect();
    hover = view.toSlide(event.clientX - box.left, event.clientY - box.top);
    showPlace();
  });
  view.element.addEventListener("pointerleave", () => {
    hover = null;
    showPlace();
  });
}
