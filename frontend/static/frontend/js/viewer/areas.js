/** Tumour areas drawn by people: kept on the server, shown on the slide, changed under their revision. */

import { get, post, request } from "../lib/api.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {{id: string, name: string, polygon: Point[], further_rings: Point[][], area_mm2: number|null, revision: number, imported: boolean,
 *   created_by: string|null, created: string, changed_by: string|null, changed: string|null}} Area
 */

/** @param {Area} area */
export const ringsOf = (area) => [area.polygon, ...area.further_rings];

/** @param {Area} area */
const labelOf = (area) => [area.name, area.created_by].filter(Boolean).join(" · ");

export class Areas extends EventTarget {
  /** The one that is being changed is not drawn twice. @type {string|null} */
  #edited = null;

  /**
   * @param {{slide: {id: string}, api: string, areas: Area[]}} data
   * @param {import("../overlays/layer.js").MarkLayer} layer
   */
  constructor(data, layer) {
    super();
    this.slide = data.slide.id;
    this.base = `${data.api}regions/`;
    this.layer = layer;
    this.all = data.areas;
    this.#show();
  }

  /** @param {Area[]} all */
  #set(all) {
    this.all = all;
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  #show() {
    const shown = this.all.filter(({ id }) => id !== this.#edited);
    this.layer.areas = shown.map((area) => ({ rings: ringsOf(area), label: labelOf(area) }));
    this.layer.view.redraw();
  }

  /** @param {string|null} id */
  edit(id) {
    this.#edited = id;
    this.#show();
  }

  /** What others drew meanwhile. */
  async refresh() {
    const { results } = await get(`${this.base}?slide=${this.slide}&kind=tumour&page_size=500`);
    this.#set(results);
  }

  /** What the server has kept just now. @param {Area[]} areas */
  take(areas) {
    this.#set([...this.all, ...areas]);
  }

  /** @param {Point[][]} rings @returns {Promise<Area>} */
  async add([polygon, ...further_rings]) {
    const area = await post(this.base, { slide: this.slide, kind: "tumour", polygon, further_rings });
    this.#set([...this.all, area]);
    return area;
  }

  /** Refused by the server where somebody changed it since `area` was read. @param {Area} area @param {Point[][]} rings @returns {Promise<Area>} */
  async change(area, [polygon, ...further_rings]) {
    const json = { polygon, further_rings };
    const { body } = await request("PATCH", `${this.base}${area.id}/`, { json, headers: versionOf(area) });
    this.#set(this.all.map((each) => (each.id === area.id ? body : each)));
    return body;
  }

  /** @param {Area} area */
  async withdraw(area) {
    await request("DELETE", `${this.base}${area.id}/`, { headers: versionOf(area) });
    this.#set(this.all.filter(({ id }) => id !== area.id));
  }

  /** @param {Area} area */
  async restore(area) {
    const back = await post(`${this.base}${area.id}/restore/`);
    this.#set([...this.all.filter(({ id }) => id !== area.id), back].sort((a, b) => a.created.localeCompare(b.created)));
  }
}

/** @param {Area} area */
const versionOf = (area) => ({ "If-Match": `"${area.revision}"` });
