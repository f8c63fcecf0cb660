/** Items that fulfil a condition, found once among all and then kept up with the few that change: there may be 100,000. */

/** @typedef {import("./types.js").Item} Item */

export class KeptSet {
  /** Null until asked for. @type {Map<string, Item>|null} */
  #found = null;

  /**
   * @param {Map<string, Item>} items
   * @param {(item: Item) => boolean} belongs
   */
  constructor(items, belongs) {
    this.items = items;
    this.belongs = belongs;
  }

  get found() {
    this.#found ??= new Map([...this.items].filter(([, item]) => this.belongs(item)));
    return this.#found;
  }

  get size() {
    return this.found.size;
  }

  /** Anything may have changed. */
  forget() {
    this.#found = null;
  }

  /** Only these have; one that took another's place has come. @param {string[]} keys @returns {{came: string[], left: string[]}} */
  update(keys) {
    /** @type {string[]} */
    const came = [];
    /** @type {string[]} */
    const left = [];
    for (const key of this.#found ? new Set(keys) : []) {
      const item = this.items.get(key);
      const belongs = item !== undefined && this.belongs(item);
      if (this.found.get(key) === (belongs ? item : undefined)) continue;
      (belongs ? came : left).push(key);
      if (belongs) this.found.set(key, item);
      else this.found.delete(key);
    }
    return { came, left };
  }
}
