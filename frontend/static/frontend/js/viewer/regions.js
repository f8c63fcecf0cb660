/** Regions drawn by people: kept on the server, counted in by choice. */

import { post, remove as removeOnServer } from "../lib/api.js";
import { toast } from "../lib/toast.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {{id: string, name: string, polygon: Point[]}} Region
 */

/**
 * @param {{slide: {id: string}, api: string, regions: Region[]}} data
 * @param {import("../overlays/layer.js").MarkLayer} layer
 */
export function installRegions(data, layer) {
  const all = data.regions;
  /** @type {((chosen: string|null) => void)[]} */
  const listeners = [];
  const tell = (/** @type {string|null} */ chosen) => {
    for (const listener of listeners) listener(chosen);
  };

  return {
    all,
    /** @param {(chosen: string|null) => void} listener */
    onChange(listener) {
      listeners.push(listener);
    },
    /** @param {Point[]} polygon */
    async save(polygon) {
      layer.region = polygon;
      layer.view.redraw();
      try {
        const region = await post(`${data.api}regions/`, { slide: data.slide.id, name: freeName(all), polygon: rounded(polygon) });
        all.push(region);
        if (!listeners.length) toast(`${region.name} kept. “Analyse…” can be limited to it.`, { kind: "yes" });
        tell(region.id);
      } catch (error) {
        toast(`The region was not kept: ${/** @type {Error} */ (error).message}`, { kind: "bad" });
        tell(null);
      }
    },
    /** @param {Region} region */
    async remove(region) {
      try {
        await removeOnServer(`${data.api}regions/${region.id}/`);
        all.splice(all.indexOf(region), 1);
        tell(null);
      } catch (error) {
        toast(`${region.name} was not removed: ${/** @type {Error} */ (error).message}`, { kind: "bad" });
      }
    },
  };
}

/** @param {Point[]} polygon */
const rounded = (polygon) => polygon.map(([x, y]) => [Math.round(x * 10) / 10, Math.round(y * 10) / 10]);

/** @param {Region[]} regions */
function freeName(regions) {
  const taken = new Set(regions.map(({ name }) => name));
  let number = 1;
  while (taken.has(`Region ${number}`)) number += 1;
  return `Region ${number}`;
}
