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

  const restore = async (/** @type {Region} */ region) => {
    try {
      await post(`${data.api}regions/${region.id}/restore/`);
      all.push(region);
      tell(region.id);
    } catch (error) {
      toast(`${region.name} was not brought back: ${/** @type {Error} */ (error).message}`, { kind: "bad" });
    }
  };

  return {
    all,
    /** @param {(chosen: string|null) => void} listener */
    onChange(listener) {
      listeners.push(listener);
    },
    /** @param {Point[]} polygon @param {string} [name] @returns {Promise<boolean>} whether it was kept */
    async save(polygon, name = freeName(all)) {
      layer.region = [polygon];
      layer.rival = [];
      layer.view.redraw();
      try {
        const region = await post(`${data.api}regions/`, { slide: data.slide.id, name, polygon: rounded(polygon) });
        all.push(region);
        if (!listeners.length) toast(`${region.name} kept. “Analyse…” can be limited to it.`, { kind: "yes" });
        tell(region.id);
        return true;
      } catch (error) {
        toast(`The region was not kept: ${/** @type {Error} */ (error).message}`, { kind: "bad" });
        tell(null);
        return false;
      }
    },
    /** What the server has kept just now; the first of them is counted in. @param {Region[]} regions */
    take(regions) {
      all.push(...regions);
      if (regions.length) tell(regions[0].id);
    },
    /** What somebody took back. @param {Region[]} regions */
    drop(regions) {
      const gone = new Set(regions.map(({ id }) => id));
      all.splice(0, all.length, ...all.filter(({ id }) => !gone.has(id)));
      tell(null);
    },
    /** @param {Region} region */
    async remove(region) {
      try {
        await removeOnServer(`${data.api}regions/${region.id}/`);
        all.splice(all.indexOf(region), 1);
        tell(null);
        toast(`${region.name} removed.`, { action: { label: "Undo", run: () => restore(region) } });
      } catch (error) {
        toast(`${region.name} was not removed: ${/** @type {Error} */ (error).message}`, { kind: "bad" });
      }
    },
  };
}

/** @param {Point[]} polygon */
const rounded = (polygon) => polygon.map(([x, y]) => [Math.round(x * 10) / 10, Math.round(y * 10) / 10]);

/** The protocol's own are called regions 1, 2, 3. @param {Region[]} regions */
function freeName(regions) {
  const taken = new Set(regions.map(({ name }) => name));
  let number = 1;
  while (taken.has(`Drawn ${number}`)) number += 1;
  return `Drawn ${number}`;
}

const MOVED = /, moved( \d+)?$/;

/** What a region is called once it was moved. @param {string} name @param {Region[]} regions */
export function nameMoved(name, regions) {
  const taken = new Set(regions.map((region) => region.name));
  const moved = `${name.replace(MOVED, "")}, moved`;
  let number = 1;
  while (taken.has(number > 1 ? `${moved} ${number}` : moved)) number += 1;
  return number > 1 ? `${moved} ${number}` : moved;
}

/**
 * The region that is counted in, where it can be moved: one that was told or drawn, not the whole.
 * @param {Pick<import("../review/count.js").CountModel, "count"|"where">|undefined} model @param {Region[]} regions
 * @returns {{polygon: Point[], name: string}|null}
 */
export function movableRegion(model, regions) {
  const region = model?.count?.region;
  if (!model || !region?.polygon || region.kind === "whole") return null;
  const drawn = regions.find(({ id }) => id === region.id);
  return { polygon: region.polygon, name: drawn?.name ?? `Region ${Number(model.where) || 1}` };
}
