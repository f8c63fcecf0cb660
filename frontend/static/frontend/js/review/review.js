/** What is being looked at: the list (queue, judged, missed), its order, the current item. Renderers listen to "change". */

import { choice, choose } from "../lib/storage.js";
import { KeptSet } from "./kept_set.js";
import { neighbour, sorted } from "./order.js";

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./order.js").Order} Order
 * @typedef {"queue"|"judged"|"missed"} Tab
 * @typedef {{name: string, holds: (x_l0: number, y_l0: number) => boolean}} Window
 */

/** The choice that after a verdict the next one comes by itself. @param {number|string} me */
export const goOnChoice = (me) => `go-on.${me}`;

const JUDGED = new Set(["yes", "no", "unsure", "added", "differ"]);
/** @type {Tab[]} */
const TABS = ["queue", "judged", "missed"];
const STRIP = 0.5; // "missed?" reaches down to this part of the threshold: the strip that is explained too

export class Review extends EventTarget {
  /** @param {import("./store.js").ReviewStore} store */
  constructor(store) {
    super();
    this.store = store;
    /** @type {Tab} */
    this.tab = "queue";
    /** Empty: nobody chose one. */
    this.chosenOrder = /** @type {Order|""} */ (choice("order", ""));
    /** How likely each is to be asked before the score is settled; null where the protocol has no scores. @type {Map<string, number>|null} */
    this.effects = null;
    /** Left without an answer, in the order by effect: the others come first. @type {Set<string>} */
    this.passed = new Set();
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
    /** The windows that matter: the region counted in first, then its rival. @type {Window[]} */
    this.windows = [];
    this.windowsKey = "";
    /** Each list in its order, where somebody asked for it. @type {Map<Tab, Item[]>} */
    this.lists = new Map();
    this.members = new Map(TABS.map((tab) => [tab, new KeptSet(store.items, (item) => this.#isMember(item, tab))]));
    /** Below the threshold in the regions that matter: they come first in "missed". @type {Set<string>} */
    this.strip = new Set();
    /** What came by itself with the tab, until the reader goes on. @type {string|null} */
    this.cameWithTab = null;
    store.addEventListener("change", (event) => this.#refresh(/** @type {CustomEvent<string[]|null>} */ (event).detail));
  }

  /** @param {string[]|null} [keys] all items that changed; null: any may have */
  #refresh(keys = null) {
    for (const [tab, members] of this.members) {
      if (keys) this.#keepUp(tab, members.update(keys));
      else members.forget();
    }
    if (!keys) this.lists.clear();
    this.#settle();
  }

  /** What leaves a list leaves the others in their order. @param {Tab} tab @param {{came: string[], left: string[]}} changed */
  #keepUp(tab, { came, left }) {
    const list = this.lists.get(tab);
    if (came.length) this.lists.delete(tab);
    else if (list && left.length) {
      const gone = new Set(left);
      this.lists.set(
        tab,
        list.filter(({ key }) => !gone.has(key)),
      );
    }
  }

  /** The same items in another order. */
  #reorder() {
    this.lists.clear();
    this.#settle();
  }

  #settle() {
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
    const made = this.#sort([...this.#membersOf(tab).found.values()], tab);
    this.lists.set(tab, made);
    return made;
  }

  /** By effect where the protocol has scores, unless the reader chose otherwise. @returns {Order} */
  get order() {
    if (this.chosenOrder && (this.chosenOrder !== "effect" || this.effects)) return this.chosenOrder;
    return this.effects ? "effect" : "region";
  }

  /** @param {Item[]} items @param {Tab} tab */
  #sort(items, tab) {
    const all = sorted(items, tab === "missed" ? "surest" : this.order, {
      isInside: (item) => Boolean(this.windows[0]?.holds(item.x_l0, item.y_l0)),
      threshold: this.threshold,
      effects: this.effects ?? new Map(),
      passed: this.passed,
    });
    return tab === "missed" ? this.#stripFirst(all) : all;
  }

  /** Names of the windows that hold an item; none are known: null. @param {Item} item */
  findWindows({ x_l0, y_l0 }) {
    return this.windows.length ? this.windows.filter(({ holds }) => holds(x_l0, y_l0)).map(({ name }) => name) : null;
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
    const { item } = this;
    if (this.tab !== "missed" || !item || item.key !== this.cameWithTab || this.store.stateOf(item) !== "below") return;
    this.#chooseFirst(this.list(this.tab)); // they are told after the tab is there
  }

  /** @param {Item[]} list */
  #chooseFirst([first]) {
    if (first.key !== this.current) this.choose(first.key);
    this.cameWithTab = first.key;
  }

  /** How long a list is, without sorting it. @param {Tab} tab */
  size(tab) {
    return this.#membersOf(tab).size;
  }

  /** @param {Tab} tab */
  #membersOf(tab) {
    return /** @type {KeptSet} */ (this.members.get(tab));
  }

  /** @param {Item} item @param {Tab} tab */
  #isMember(item, tab) {
    const state = this.store.stateOf(item);
    if (state === "gone") return false;
    if (tab === "queue") return state === "open";
    if (tab === "judged") return JUDGED.has(state);
    if (item.kind === "figure") return true;
    return state === "below" && ((item.probability ?? 0) >= this.threshold * STRIP || this.strip.has(item.key));
  }

  /** The list of the tab with the current item kept in its place, judged or not, so that "next" goes on from there. By effect
   * that is the head: each count orders the others anew, and "next" is what has most effect then. */
  walk() {
    const members = this.list(this.tab);
    const { item } = this;
    if (item && this.#leads) return [item, ...members.filter((one) => one !== item)];
    if (!item || members.includes(item)) return members;
    return this.#sort([...members, item], this.tab);
  }

  get #leads() {
    return this.tab === "queue" && this.order === "effect";
  }

  /** @param {Tab} tab */
  show(tab) {
    this.tab = tab;
    this.sawMissed ||= tab === "missed";
    this.lists.clear();
    const list = this.list(tab);
    if (list.length && !list.some((item) => item.key === this.current)) this.#chooseFirst(list);
    else this.dispatchEvent(new Event("change"));
  }

  /** @param {Order} order */
  sortBy(order) {
    this.chosenOrder = order;
    choose("order", order);
    this.#reorder();
  }

  /** @param {boolean} goOn */
  setGoOn(goOn) {
    this.goOn = goOn;
    choose(this.goOnName, goOn ? "yes" : "no");
  }

  /**
   * What a new count says of the queue. The current item stays, unless the reader has not begun.
   * @param {Window[]} windows @param {string} windowsKey of where they lie
   * @param {Map<string, number>|null} effects
   */
  setCounted(windows, windowsKey, effects) {
    const same = (/** @type {Map<string, number>|null} */ one) => one && JSON.stringify([...one]);
    if (windowsKey === this.windowsKey && same(effects) === same(this.effects)) return;
    Object.assign(this, { windows, windowsKey, effects });
    this.#reorder();
  }

  /** @param {string} key @param {{back?: boolean}} [how] */
  choose(key, { back = false } = {}) {
    if (!this.store.items.has(key)) return;
    if (this.current && this.current !== key && !back) this.trail.push(this.current);
    this.current = key;
    this.untouched = false;
    this.cameWithTab = null;
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("chosen"));
  }

  /** @returns {boolean} whether there was another one */
  next() {
    this.#pass();
    const item = neighbour(this.walk(), this.current, () => true, 1);
    if (item) this.choose(item.key);
    return item !== null;
  }

  /** By effect what is left unanswered comes after all others, which is when it comes again. */
  #pass() {
    if (!this.#leads || !this.item || this.store.stateOf(this.item) !== "open") return;
    this.passed.add(this.item.key);
    this.lists.delete("queue");
    if (this.list("queue").some(({ key }) => !this.passed.has(key))) return;
    this.passed = new Set([this.item.key]);
    this.lists.delete("queue");
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
