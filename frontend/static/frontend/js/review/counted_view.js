/** What a count shows beside its numbers: region and rival on the slide, all windows on the small map, and the queue's order. */

import { one } from "../lib/dom.js";
import { SmallMap } from "../overlays/small_map.js";
import { holds, outlinesOf } from "./counted_region.js";
import { findBlocking } from "./score.js";
import { keyOf } from "./store.js";

/**
 * @typedef {import("./count.js").Count} Count
 * @typedef {import("./counted_region.js").Window} Window
 */

export class CountedView {
  /**
   * @param {import("../viewer/slide_view.js").SlideView} view
   * @param {import("../overlays/layer.js").MarkLayer} layer
   * @param {import("./review.js").Review} review
   */
  constructor(view, layer, review) {
    this.view = view;
    this.layer = layer;
    this.review = review;
    this.map = new SmallMap(one("#navigator"), view);
    this.label = one("#region-label");
  }

  /** @param {Count} count @param {boolean} isOwn whether it is this reader's own, which alone orders the queue */
  show(count, isOwn) {
    const { region, rival } = count;
    this.layer.region = outlinesOf(region, count);
    this.layer.rival = rival ? outlinesOf(rival, count) : [];
    this.map.show(listMapped(count));
    this.label.hidden = !region.polygon;
    this.label.textContent =
      region.area_mm2 === null ? nameOnSlide(count) : `${nameOnSlide(count)}, ${region.area_mm2.toFixed(2)} mm²`;
    const windows = listWindows(count);
    const key = JSON.stringify([region.polygon, region.further_rings, region.fields_l0, rival?.polygon, rival?.fields_l0]);
    this.review.setCounted(windows, key, isOwn ? effectsOf(count) : this.review.effects);
    this.view.redraw();
  }
}

/** @param {Pick<Count, "region"|"looked_in">} count */
function nameOnSlide({ region, looked_in }) {
  if (region.kind === "whole") return looked_in.where === "tumour" ? "Tumour" : "Analysed";
  return region.rank === null ? region.name || "Region" : `Region ${region.rank}`;
}

/** What rows of the queue say of where an item lies. @param {Count} count @returns {import("./review.js").Window[]} */
export function listWindows(count) {
  const { region, rival, regions, protocol } = count;
  if (!region.polygon) return [];
  const scored = protocol.cutoffs.length > 0;
  const named = (/** @type {string} */ name, /** @type {Window} */ window) => ({
    name,
    holds: (/** @type {number} */ x_l0, /** @type {number} */ y_l0) => holds(window, count, x_l0, y_l0),
  });
  const told = named(scored && region.rank !== null ? String(region.rank) : "in the region", region);
  if (!scored) return [told];
  const others = regions.filter(({ rank }) => rank !== region.rank).map((one) => named(String(one.rank), one));
  return [told, ...others, ...(rival ? [named("rival", rival)] : [])];
}

/** @param {Count} count @returns {import("../overlays/small_map.js").Mapped[]} */
function listMapped(count) {
  const { region, regions, rival } = count;
  const chosen = (/** @type {number} */ rank) => (rank === region.rank ? "told" : "");
  const mapped = regions.map((one) => ({ name: String(one.rank), css: chosen(one.rank), outlines: outlinesOf(one, count) }));
  if (rival) mapped.push({ name: "R", css: "rival", outlines: outlinesOf(rival, count) });
  if (region.kind === "drawn") mapped.push({ name: "", css: "told", outlines: outlinesOf(region, count) });
  return mapped;
}

/** How likely each open one is to be asked before the score is settled; null where there is no score. @param {Count} count */
export function effectsOf(count) {
  if (count.protocol.cutoffs.length < 2 || findBlocking(count)) return null;
  return new Map(count.next.map((next) => [keyOf(next), next.effect]));
}
