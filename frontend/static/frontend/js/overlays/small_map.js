/** The windows of the protocol on the small map: regions with their numbers, the rival with an R. */

import { svg } from "../lib/dom.js";

/**
 * @typedef {import("../viewer/geometry.js").Point} Point
 * @typedef {{name: string, css: string, outlines: Point[][]}} Mapped
 */

const LABEL = /** @type {Point} */ ([12, 13]);

/** To the right of those that it would lie on. @param {Point} wanted @param {Point[]} taken @returns {Point} */
export function placeLabel([x, y], taken) {
  const hit = () => taken.find(([left, top]) => Math.abs(left - x) < LABEL[0] + 1 && Math.abs(top - y) < LABEL[1]);
  for (let on = hit(); on; on = hit()) x = on[0] + LABEL[0] + 1;
  taken.push([x, y]);
  return [x, y];
}

export class SmallMap {
  /** @param {HTMLElement} host the small map @param {import("../viewer/slide_view.js").SlideView} view */
  constructor(host, view) {
    this.view = view;
    this.svg = svg("svg", { class: "map-windows", "aria-hidden": "true" });
    /** @type {Mapped[]} */
    this.windows = [];
    host.append(this.svg);
    view.addEventListener("mapped", () => this.#draw());
  }

  /** @param {Mapped[]} windows */
  show(windows) {
    this.windows = windows;
    this.#draw();
  }

  #draw() {
    /** @type {Point[]} */
    const taken = [];
    this.svg.replaceChildren(...this.windows.flatMap((window) => this.#drawWindow(window, taken)));
  }

  /** @param {Mapped} window @param {Point[]} taken where labels are already: windows may overlap, their names may not */
  #drawWindow({ name, css, outlines }, taken) {
    const rings = outlines.map((outline) => outline.map((point) => this.view.toSmallMap(...point)));
    const points = rings.flat().filter((point) => point !== null);
    if (!points.length) return [];
    const left = Math.min(...points.map(([x]) => x));
    const top = Math.min(...points.map(([, y]) => y));
    const lines = rings.map((ring) => svg("polygon", { class: css, points: ring.map((point) => point?.join(",")).join(" ") }));
    if (!name) return lines;
    const place = placeLabel([Math.max(0, left - 5), Math.max(0, top - 8)], taken);
    const label = svg("g", { class: "map-label", transform: `translate(${place[0]} ${place[1]})` });
    label.append(svg("rect", { width: LABEL[0], height: LABEL[1], rx: 2 }), svg("text", { x: 6, y: 10 }, name));
    return [...lines, label];
  }
}
