/** What is being looked at: the list (queue, judged, missed), its order, the current item. Renderers listen to "change". */

import { choice, choose } from "../lib/storage.js";
import { neighbour, sorted } from "./order.js";

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./order.js").Order} Order
 * @typedef {"queue"|"judged"|"missed"} Tab
 */

/** The choice that after a verdict the next one comes by itself. @param {number|string} me */
export const goOnChoice = (me) => `go-on.${me}`;

const JUDGED = new Set(["yes", "no", "unsure", "added", "differ"]);
const STRIP = 0.5; // "missed?" reaches down to this part of the threshold: the strip that is explained too

export class Review extends EventTarget {
  /** @param {import("./store.js").ReviewStore} store */
  constructor(store) {
    super();
    this.store = store;
    /** @type {Tab} */
    this.tab = "queue";
    this.order = /** @type {Order} */ (choice("order", "region"));
    /** After a verdict the next one comes by itself, unless this person wants otherwise. */
    this.goOnName = goOnChoice(store.me.id);
    this.goOn = choice(this.goOnName, "yes") === "yes";
    /** Whether the reader has looked at what lies just below the threshold. */
    this.sawMissed = false;
    /** Where the reader was before a reload. @type {string|null} */
    this.wanted = null;
    /** @type {string|null} */
    this.current = null;
    /** Until the reader chooses, the current one is the first of the list, also when the order changes. */
    this.untouched = true;
    /** @type {string[]} keys looked at before, for going back */
    this.trail = [];
    /** The region counted in. @type {import("../viewer/geometry.js").Point[]|null} */
    this.region = null;
    /** @type {Map<Tab, Item[]>} */
    this.lists = new Map();
    /** @type {Map<Tab, number>} */
    this.sizes = new Map();
    /** Below the threshold in the regions that matter: they come first in "missed". @type {Set<string>} */
    this.strip = new Set();
    store.addEventListener("change", () => this.#refresh());
  }

  #refresh() {
    this.lists.clear();
    this.sizes.clear();
    if (this.current && !this.store.items.has(this.current)) this.current = null;
    if (this.wanted && this.untouched && this.store.items.has(this.wanted)) {
      this.current = this.wanted;
      this.untouched = false;
    }
    if (!this.current || this.untouched) this.current = this.list(this.tab)[0]?.key ?? null;
    this.dispatchEvent(new Event("change"));
  }

  get item() {
    return this.current ? (this.store.items.get(this.current) ?? null) : null;
  }

  get threshold() {
    return this.store.threshold ?? this.store.analysis?.threshold ?? 0.5;
  }

  /** @param {Tab} tab */
  list(tab) {
    const known = this.lists.get(tab);
    if (known) return known;
    const order = tab === "missed" ? "surest" : this.order;
    const all = sorted(this.#members(tab), order, { region: this.region, threshold: this.threshold });
    const made = tab === "missed" ? this.#stripFirst(all) : all;
    this.lists.set(tab, made);
    return made;
  }

  /** @param {Item[]} items */
  #stripFirst(items) {
    if (!this.strip.size) return items;
    return [...items.filter(({ key }) => this.strip.has(key)), ...items.filter(({ key }) => !this.strip.has(key))];
  }

  /** @param {string[]} keys */
  setStrip(keys) {
    if (keys.length === this.strip.size && keys.every((key) => this.strip.has(key))) return;
    this.strip = new Set(keys);
    this.#refresh();
  }

  /** How long a list is, without sorting it. @param {Tab} tab */
  size(tab) {
    const known = this.sizes.get(tab);
    if (known !== undefined) return known;
    const made = this.#members(tab).length;
    this.sizes.set(tab, made);
    return made;
  }

  /** @param {Tab} tab */
  #members(tab) {
    const { store } = this;
    const lowest = this.threshold * STRIP;
    return [...store.items.values()].filter((item) => {
      const state = store.stateOf(item);
      if (state === "gone") return false;
      if (tab === "queue") return state === "open";
      if (tab === "judged") return JUDGED.has(state);
      if (item.kind === "figure") return true;
      return state === "below" && ((item.probability ?? 0) >= lowest || this.strip.has(item.key));
    });
  }

  /** The list of the tab with the current item kept in its place, judged or not, so that "next" goes on from there. */
  walk() {
    const members = this.list(this.tab);
    const { item } = this;
    if (!item || members.includes(item)) return members;
    const order = this.tab === "missed" ? "surest" : this.order;
    const all = sorted([...members, item], order, { region: this.region, threshold: this.threshold });
    return this.tab === "missed" ? this.#stripFirst(all) : all;
  }

  /** @param {Tab} tab */
  show(tab) {
    this.tab = tab;
    this.sawMissed ||= tab === "missed";
    this.lists.clear();
    const list = this.list(tab);
    if (list.length && !list.some((item) => item.key === this.current)) this.choose(list[0].key);
    else this.dispatchEvent(new Event("change"));
  }

  /** @param {Order} order */
  sortBy(order) {
    this.order = order;
    choose("order", order);
    this.#refresh();
  }

  /** @param {boolean} goOn */
  setGoOn(goOn) {
    this.goOn = goOn;
    choose(this.goOnName, goOn ? "yes" : "no");
  }

  /** @param {import("../viewer/geometry.js").Point[]|null} polygon */
  setRegion(polygon) {
    if (JSON.stringify(polygon) === JSON.stringify(this.region)) return;
    this.region = polygon;
    this.#refresh();
  }

  /** @param {string} key @param {{back?: boolean}} [how] */
  choose(key, { back = false } = {}) {
    if (!this.store.items.has(key)) return;
    if (this.current && this.current !== key && !back) this.trail.push(this.current);
    this.current = key;
    this.untouched = false;
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("chosen"));
  }

  /** @returns {boolean} whether there was another one */
  next() {
    const item = neighbour(this.walk(), this.current, () => true, 1);
    if (item) this.choose(item.key);
    return item !== null;
  }

  /** Back to the one looked at before, else up the list. */
  previous() {
    const before = this.trail.pop();
    if (before && this.store.items.has(before)) {
      this.choose(before, { back: true });
      return;
    }
    const item = neighbour(this.walk(), this.current, () => true, -1);
    if (item) this.choose(item.key, { back: true });
  }

  /** The ones that "next" would come to, for loading their pictures early. @param {number} count */
  upcoming(count) {
    const walk = this.walk();
    const from = walk.findIndex((item) => item.key === this.current);
    return walk.slice(from + 1, from + 1 + count);
  }
}
