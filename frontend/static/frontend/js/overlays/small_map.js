/** The windows of the protocol on the small map: regions with their numbers, the rival with an R. */

import { svg } from "../lib/dom.js";

/**
 * @typedef {import("../viewer/geometry.js").Point} Point
 * @typedef {{name: string, css: string, outlines: Point[][]}} Mapped
 */

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
    this.svg.replaceChildren(...this.windows.flatMap((window) => this.#drawWindow(window)));
  }

  /** @param {Mapped} window */
  #drawWindow({ name, css, outlines }) {
    const rings = outlines.map((outline) => outline.map((point) => this.view.toSmallMap(...point)));
    const points = rings.flat().filter((point) => point !== null);
    if (!points.length) return [];
    const left = Math.min(...points.map(([x]) => x));
    const top = Math.min(...points.map(([, y]) => y));
    const lines = rings.map((ring) => svg("polygon", { class: css, points: ring.map((point) => point?.join(",")).join(" ") }));
    const label = svg("g", { class: "map-label", transform: `translate(${Math.max(0, left - 5)} ${Math.max(0, top - 8)})` });
    label.append(svg("rect", { width: 12, height: 13, rx: 2 }), svg("text", { x: 6, y: 10 }, name));
    return [...lines, label];
  }
}
