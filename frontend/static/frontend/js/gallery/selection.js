/**
 * Which tiles are chosen and which one the keys are at. A range goes from where the last choice was made (the anchor) and
 * comes on top of what was chosen before. Pure.
 */

export class Selection extends EventTarget {
  constructor() {
    super();
    /** Keys as they stand in the grid. @type {string[]} */
    this.order = [];
    /** @type {Map<string, number>} */
    this.index = new Map();
    /** @type {Set<string>} */
    this.chosen = new Set();
    /** @type {string|null} */
    this.current = null;
    /** @type {string|null} */
    this.anchor = null;
    /** Chosen before the range that grows from the anchor. @type {Set<string>} */
    this.kept = new Set();
  }

  /**
   * The grid shows others now: what is gone is chosen no more, and the current one gives way to the next that is left.
   * @param {string[]} order @param {{waits?: boolean}} [how] waits: the current one may still come
   */
  setOrder(order, { waits = false } = {}) {
    const place = Math.max(0, this.currentIndex);
    const [before, after] = [this.order.slice(0, place), this.order.slice(place)];
    this.order = order;
    this.index = new Map(order.map((key, at) => [key, at]));
    const isHere = (/** @type {string} */ key) => this.index.has(key);
    this.chosen = new Set([...this.chosen].filter(isHere));
    this.kept = new Set([...this.kept].filter(isHere));
    if (this.anchor && !isHere(this.anchor)) this.anchor = null;
    if (!waits && !isHere(this.current ?? "")) this.current = after.find(isHere) ?? before.findLast(isHere) ?? order[0] ?? null;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  get currentIndex() {
    return this.current === null ? -1 : (this.index.get(this.current) ?? -1);
  }

  /** Chosen ones in the grid's order; the current one where none is chosen. @returns {string[]} */
  get keys() {
    if (!this.chosen.size) return this.current === null ? [] : [this.current];
    return this.order.filter((key) => this.chosen.has(key));
  }

  /** @param {number} place @param {{extend?: boolean}} [how] */
  goTo(place, { extend = false } = {}) {
    if (!this.order.length) return;
    const before = this.current;
    this.current = this.order[Math.min(Math.max(place, 0), this.order.length - 1)];
    if (extend) this.#extend(before);
    else this.#startAt(this.current);
    this.#changed();
  }

  /** By the keys. @param {number} steps @param {{extend?: boolean}} [how] */
  move(steps, how) {
    this.goTo(this.currentIndex + steps, how);
  }

  /** @param {string} key @param {{extend?: boolean}} [how] with extend all from the anchor to it */
  press(key, { extend = false } = {}) {
    const place = this.index.get(key);
    if (place === undefined) return;
    if (extend) {
      this.goTo(place, { extend });
      return;
    }
    this.current = key;
    if (!this.chosen.delete(key)) this.chosen.add(key);
    this.#startAt(key);
    this.#changed();
  }

  /** Adds the current one or takes it out. */
  toggle() {
    if (this.current) this.press(this.current);
  }

  chooseAll() {
    this.choose(this.order);
  }

  /** These and no others, as far as they are shown. @param {string[]} keys */
  choose(keys) {
    this.chosen = new Set(keys.filter((key) => this.index.has(key)));
    const [first] = this.chosen;
    if (first !== undefined && !this.chosen.has(this.current ?? "")) this.current = first;
    this.#startAt(this.current);
    this.#changed();
  }

  clear() {
    this.chosen = new Set();
    this.#startAt(this.current);
    this.#changed();
  }

  /** @param {string|null} key */
  #startAt(key) {
    this.anchor = key;
    this.kept = new Set(this.chosen);
  }

  /** @param {string|null} before where the keys were */
  #extend(before) {
    this.anchor ??= before;
    const ends = [this.index.get(this.anchor ?? "") ?? this.currentIndex, this.currentIndex];
    this.chosen = new Set([...this.kept, ...this.order.slice(Math.min(...ends), Math.max(...ends) + 1)]);
  }
}
