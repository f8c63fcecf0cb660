/** Every mark with its state, and how many there are of each, kept up with the few that change. */

/**
 * @typedef {import("../overlays/shapes.js").MarkState} MarkState
 * @typedef {{key: string, x_l0: number, y_l0: number, state: MarkState}} Spot
 */

export class Spots {
  /** @type {Spot[]} */
  list = [];
  /** Of each state; added figures are mitoses. @type {Record<string, number>} */
  tally = { open: 0, yes: 0, no: 0, unsure: 0, below: 0, differ: 0 };
  /** @type {Map<string, Spot>} */
  #byKey = new Map();

  /** @param {import("./store.js").ReviewStore} store */
  constructor(store) {
    this.store = store;
    for (const item of store.items.values()) {
      const state = store.stateOf(item);
      if (state === "gone") continue;
      const spot = { key: item.key, x_l0: item.x_l0, y_l0: item.y_l0, state };
      this.list.push(spot);
      this.#byKey.set(item.key, spot);
      this.#count(state, 1);
    }
  }

  /** @param {MarkState} state @param {1|-1} by */
  #count(state, by) {
    this.tally[state === "added" ? "yes" : state] += by;
  }

  /** Only these changed. @param {string[]} keys @returns {boolean} false: one came or went, so that all are to be found anew */
  update(keys) {
    for (const key of keys) {
      const item = this.store.items.get(key);
      const state = item ? this.store.stateOf(item) : "gone";
      const spot = this.#byKey.get(key);
      if (!spot && state === "gone") continue;
      if (!spot || state === "gone") return false;
      this.#count(spot.state, -1);
      this.#count(state, 1);
      spot.state = state;
    }
    return true;
  }
}
