/** One reader at the crops of one analysis: filter, order, choice, verdicts on many at once. */

import { getPicture } from "../lib/api.js";
import { el, icon, one } from "../lib/dom.js";
import { plural } from "../lib/format.js";
import { choice, choose, tabStorage } from "../lib/storage.js";
import { sayStep } from "../review/actions.js";
import { CountModel } from "../review/count.js";
import { Crops } from "../review/crops.js";
import { findItem, rememberItem } from "../review/current_item.js";
import { Explanations } from "../review/gradcam.js";
import { LABELS, phaseKeys, REASONS, verdictKeys } from "../review/labels.js";
import { readPurpose } from "../review/purpose.js";
import { Reading } from "../review/reading.js";
import { goOnChoice } from "../review/review.js";
import { NOTHING, sayPhase, turnAtypical } from "../review/said.js";
import { BulkBar } from "./bulk_bar.js";
import { CropLoader } from "./crop_loader.js";
import { Facets } from "./facets.js";
import { listFacts, REST } from "./facts.js";
import { applyFilter, clearFilter, isFiltered, readFilter, writeFilter } from "./filter.js";
import { Grid } from "./grid.js";
import { Head } from "./head.js";
import { Hints } from "./hints.js";
import { listPlaces } from "./places.js";
import { namePress, planPress } from "./press.js";
import { Selection } from "./selection.js";
import { SORTS, sortFacts } from "./sorts.js";

/**
 * @typedef {import("../review/types.js").Label} Label
 * @typedef {import("./types.js").GalleryData & {analysis: string}} Data
 * @typedef {import("./filter.js").Filter} Filter
 */

export class Gallery {
  /** @param {Data} data */
  constructor(data) {
    const { api, analysis, me, may } = data;
    const base = `${api}analyses/${analysis}/`;
    this.data = data;
    this.reading = new Reading(
      { api, analysis, me, judges: may.judge },
      { saved: one("#saved"), alarm: one("#alarm"), refused: one("#refused-dialog") },
    );
    this.store = this.reading.store;
    this.reading.actions.purpose = readPurpose(me.id, data.slide.id);
    this.sizeName = `gallery-size.${me.id}`;
    const size = /** @type {import("./filter.js").Size} */ (choice(this.sizeName, "m"));
    this.filter = readFilter(
      location.search,
      SORTS.map(([sort]) => sort),
      { size },
    );
    this.selection = new Selection();
    this.loader = new CropLoader(getPicture);
    this.hints = new Hints(`${base}hints/`, me.id);
    this.count = new CountModel(`${base}count/`, data.slide.id, []);
    this.count.where = "best"; // the viewer's choice may be another; here it is the place that is asked for
    this.grid = new Grid(one("#grid"), {
      selection: this.selection,
      store: this.store,
      crops: new Crops(data.slide),
      loader: this.loader,
      explanations: new Explanations(api),
      api,
    });
    const change = (/** @type {Filter} */ filter) => this.setFilter(filter);
    this.facets = new Facets(one("#facets"), may.judge, { changed: change, showHints: (on) => this.hints.show(on) });
    this.head = new Head(one("#tools"), { changed: change, explain: () => this.toggleExplained() });
    this.bar = new BulkBar(one("#bulk"), may.judge, {
      judge: (label, more) => this.judge(label, more),
      judgePhase: (phase) => this.judgePhase(phase),
      markAtypical: () => this.markAtypical(),
      undo: () => this.undo(),
      open: () => this.open(),
      clear: () => this.selection.clear(),
    });
    this.empty = one("#empty");
    this.keys = this.#keys();
    this.selection.current = findItem(me.id, analysis);
    this.scrollName = `mitoweb.gallery.${me.id}.${analysis}`;
    this.isPlaced = false;
    this.isShown = false;
    this.frame = 0;
    this.byPointer = false;
    this.isRefreshing = false; // then the grid is drawn once, when all of it is known
    this.#listen();
    this.reading.start();
  }

  #listen() {
    const { store, reading, selection, count, hints, loader } = this;
    let counted = "";
    store.addEventListener("change", () => {
      const state = `${store.revision} ${store.analysis?.state}`;
      if (state !== counted && store.analysis) count.refresh();
      counted = state;
      hints.follow([...store.items.values()].filter(({ explained }) => explained).length);
      // Of a large analysis the first that came is shown, and then the whole.
      if (store.caughtUp || !this.isShown) this.later();
    });
    count.addEventListener("change", () => this.later());
    hints.addEventListener("change", () => this.later());
    selection.addEventListener("change", () => {
      if (!this.isRefreshing) this.grid.draw();
      this.#showChosen();
    });
    reading.feed.addEventListener("connection", () => {
      if (!reading.feed.lost) loader.tryAgain();
      this.later();
    });
    one("#grid").addEventListener("click", (event) => this.#pressed(/** @type {MouseEvent} */ (event)));
    one("#grid").addEventListener("dblclick", () => this.open());
    one("#grid").addEventListener("scroll", () => this.#rememberScroll(), { passive: true });
    document.addEventListener("pointerdown", () => (this.byPointer = true), { capture: true });
    document.addEventListener("keydown", () => (this.byPointer = false), { capture: true });
    addEventListener("pageshow", (event) => event.persisted && this.#comeBack());
  }

  /** With the next frame, once for several changes. */
  later() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => this.refresh());
  }

  get places() {
    return listPlaces(this.count.count, this.data.regions);
  }

  refresh() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { store, filter, places, hints } = this;
    const threshold = store.analysis?.threshold ?? 0.5;
    const all = listFacts(store, { places, hints: hints.shown });
    const { shown, counts } = applyFilter(all, filter);
    const reasons = REASONS.map(({ reason }) => reason);
    const sorted = sortFacts(shown, filter.sort, { threshold, reasons, places: [...places.map(({ id }) => id), REST] });
    one("#grid").hidden = !sorted.length;
    const order = sorted.map(({ item }) => item.key);
    this.isRefreshing = true;
    this.selection.setOrder(order, { waits: !store.caughtUp && this.selection.current !== null });
    this.isRefreshing = false;
    this.grid.show(sorted, filter.size);
    this.isShown ||= sorted.length > 0;
    this.facets.update(filter, { counts, values: all.map(({ item }) => item.probability), threshold, places, hints: hints.state });
    this.head.offerHints(hints.state === "on");
    this.head.update(filter, {
      shown: sorted.length,
      all,
      analysis: store.analysis,
      isLost: this.reading.feed.lost,
      caughtUp: store.caughtUp,
    });
    this.#showEmpty(sorted.length, all.length);
    if (!this.isPlaced && store.caughtUp && sorted.length) this.#place();
  }

  /** As it was left; or at the tile that the viewer was left at. */
  #place() {
    this.isPlaced = true;
    one("#grid").scrollTop = Number(tabStorage.getItem(this.scrollName) ?? 0);
    this.grid.reveal();
    if (document.activeElement === document.body) this.grid.focus();
  }

  #rememberScroll() {
    if (this.isPlaced) tabStorage.setItem(this.scrollName, String(one("#grid").scrollTop));
  }

  /** The browser kept the page while the viewer was looked at. */
  #comeBack() {
    const key = findItem(this.data.me.id, this.data.analysis);
    if (key && this.selection.index.has(key)) this.selection.goTo(this.selection.index.get(key) ?? 0);
    this.grid.reveal();
    this.reading.feed.now();
  }

  #showChosen() {
    const { selection, store } = this;
    const { current } = selection;
    const item = current ? store.items.get(current) : undefined;
    if (current && item) rememberItem(this.data.me.id, this.data.analysis, current);
    const items = this.#chosenItems();
    const { actions } = this.reading;
    this.bar.update({
      plans: LABELS.map(({ label }) => planPress(items.length, store.judges ? actions.planAll(items, label) : [])),
      chosen: selection.chosen.size,
      current: item?.name ?? "",
      canUndo: actions.canUndo,
    });
  }

  /** @param {number} shown @param {number} all */
  #showEmpty(shown, all) {
    const { analysis, caughtUp } = this.store;
    this.empty.hidden = shown > 0;
    if (shown) return;
    const isRunning = ["queued", "running"].includes(analysis?.state ?? "");
    const [name, title, text] = !caughtUp
      ? ["loader", "Loading", "The detections are on their way."]
      : all
        ? ["filter", "Nothing in this filter", `${plural(all, "crop")} left out.`]
        : isRunning
          ? ["loader", "Nothing found yet", "Crops appear here as tiles of the slide are done."]
          : ["inbox", "Nothing found", "The model scored no place here, and nobody added a figure."];
    const clear = el("button", {
      type: "button",
      class: "btn",
      onclick: () => this.setFilter(clearFilter(this.filter)),
      text: "Clear filter",
    });
    const say = isFiltered(this.filter)
      ? clear
      : el("button", { type: "button", class: "btn", onclick: () => this.#showBelow(), text: "Show those below the threshold" });
    const parts = [icon(name), el("h2", { text: title }), el("p", { text }), ...(all && caughtUp ? [say] : [])];
    if (this.empty.textContent !== parts.map((part) => part.textContent).join("")) this.empty.replaceChildren(...parts);
  }

  #showBelow() {
    this.setFilter({ ...this.filter, verdict: null });
  }

  /** @param {Filter} filter */
  setFilter(filter) {
    if (filter.size !== this.filter.size) choose(this.sizeName, filter.size);
    this.filter = filter;
    const fields = writeFilter(filter);
    fields.set("analysis", this.data.analysis);
    history.replaceState(history.state, "", `?${fields}`);
    this.later();
    this.#handBack();
  }

  toggleExplained() {
    this.grid.toggleExplained();
    this.head.showExplained(this.grid.isExplained);
    this.#handBack();
  }

  /** After a press with the mouse the keys are the grid's again: Space would press the same button once more. */
  #handBack() {
    if (this.byPointer && !document.activeElement?.matches("input[type=range]")) this.grid.focus();
  }

  /** @param {MouseEvent} event */
  #pressed(event) {
    const key = /** @type {HTMLElement|null} */ (/** @type {Element} */ (event.target).closest("[data-item]"))?.dataset.item;
    if (!key) return;
    if (this.store.judges) this.selection.press(key, { extend: event.shiftKey });
    else this.selection.goTo(this.selection.index.get(key) ?? 0);
  }

  /** What is chosen, else the tile that the keys are at. */
  #chosenItems() {
    return this.selection.keys.map((key) => this.store.items.get(key)).filter((item) => item !== undefined);
  }

  /** @param {import("../review/types.js").Phase} phase @param {boolean} [atypical] */
  judgePhase(phase, atypical = false) {
    this.judge("mitosis", sayPhase(phase, atypical), { phase, atypical });
  }

  /** On; and off where all are atypical already. */
  markAtypical() {
    const turn = turnAtypical(this.#chosenItems().map(({ key }) => this.store.mine(key)));
    this.judge("mitosis", turn, { atypical: turn(NOTHING).atypical });
  }

  /**
   * On what is chosen, else on the tile that the keys are at, which then go on.
   * @param {Label} label @param {import("../review/said.js").Saying} [more]
   * @param {import("../review/said.js").More} [told] the same of all, for words
   */
  judge(label, more = {}, told = {}) {
    const { selection, store } = this;
    if (!store.judges) return;
    const items = this.#chosenItems();
    const changed = this.reading.actions.judgeAll(items, label, more);
    const words = namePress(items.length, { label, ...(typeof more === "function" ? told : more) });
    one("#live").textContent = changed
      ? `${words}. z takes ${items.length > 1 ? "all of it" : "it"} back`
      : "Already so, nothing changed";
    if (!changed) return;
    this.#handBack();
    if (selection.chosen.size) selection.clear();
    else if (choice(goOnChoice(store.me.id), "yes") === "yes") selection.move(1);
    this.grid.reveal();
  }

  undo() {
    this.#stepped(this.reading.actions.undo(), "before");
  }

  redo() {
    this.#stepped(this.reading.actions.redo(), "after");
  }

  /** What was taken back is chosen again, as it was when it was judged. @param {import("../review/actions.js").Step|null} step @param {"before"|"after"} side */
  #stepped(step, side) {
    if (!step) return;
    this.refresh();
    const keys = step.changes.map(({ key }) => key).filter((key) => this.selection.index.has(key));
    if (keys.length > 1) this.selection.choose(keys);
    else if (keys.length) this.selection.goTo(this.selection.index.get(keys[0]) ?? 0);
    this.grid.reveal();
    this.#handBack();
    one("#live").textContent = sayStep(step, side, this.store);
  }

  /** The viewer, at this detection. */
  open() {
    const { current } = this.selection;
    if (current) rememberItem(this.data.me.id, this.data.analysis, current);
    const { viewer_url: url } = this.data;
    location.assign(current ? `${url}&item=${encodeURIComponent(current)}` : url);
  }

  /** @param {number} place @param {boolean} extend */
  #goTo(place, extend) {
    this.grid.focus();
    this.selection.goTo(place, { extend: extend && this.store.judges });
    this.grid.reveal();
  }

  /** @param {string} pressed */
  #steer(pressed) {
    const { selection, grid } = this;
    const key = pressed.replace("Shift ", "");
    const extend = pressed !== key;
    const at = selection.currentIndex;
    const last = selection.order.length - 1;
    if (at < 0) return;
    const page = grid.screenRows * grid.columns;
    /** @type {Record<string, number>} */
    const places = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - grid.columns,
      ArrowDown: at + grid.columns,
      PageUp: at - page,
      PageDown: at + page,
      Home: 0,
      End: last,
    };
    const place = places[key];
    const isAway = place < 0 || place > last;
    const isLastRow = Math.floor(at / grid.columns) === Math.floor(last / grid.columns);
    // A row that is not there leaves the keys where they are; one that is shorter, and a page, go to the end.
    if (isAway && (key === "ArrowUp" || (key === "ArrowDown" && isLastRow))) return;
    this.#goTo(place, extend);
  }

  /** @returns {import("../viewer/keys.js").Binding[]} */
  #keys() {
    const steer = (/** @type {string} */ key) => this.#steer(key);
    const arrows = ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"];
    const jumps = ["Home", "End", "PageUp", "PageDown"];
    const shifted = [...arrows, ...jumps].map((key) => `Shift ${key}`);
    const { judges } = this.store;
    const choosing = [
      { keys: shifted, shown: ["Shift", "←↑→↓"], words: "select from here on", navigation: true, run: steer },
      { keys: ["Space"], words: "select this one, or not", navigation: true, run: () => this.selection.toggle() },
      {
        keys: ["Ctrl a"],
        shown: ["Ctrl", "a"],
        words: "select all in this filter",
        navigation: true,
        run: () => this.selection.chooseAll(),
      },
      { keys: ["Escape"], shown: ["Esc"], words: "select none", navigation: true, run: () => this.#escape() },
      { keys: [], shown: ["click"], words: "select, with Shift up to there; twice: on the slide", run: () => undefined },
      ...verdictKeys((label, more) => this.judge(label, more)),
      ...phaseKeys(
        (phase, atypical) => this.judgePhase(phase, atypical),
        () => this.markAtypical(),
      ),
      { keys: ["z"], words: "undo all of the last press", run: () => this.undo() },
      { keys: ["Shift z"], words: "redo", run: () => this.redo() },
    ];
    return [
      { keys: arrows, shown: ["←", "↑", "→", "↓"], words: "go to the next tile", navigation: true, run: steer },
      { keys: jumps, shown: ["Home", "End", "Page"], words: "first, last, by a screen", navigation: true, run: steer },
      ...(judges ? choosing : []),
      { keys: ["Enter"], words: "this one on the slide", navigation: true, run: () => this.open() },
      { keys: ["Shift g"], words: "back to the slide", run: () => this.open() },
      { keys: ["g"], words: "Grad-CAM over the crops", run: () => this.toggleExplained() },
      { keys: ["r"], words: "load again what could not be loaded", run: () => this.loader.tryAgain() },
    ];
  }

  #escape() {
    if (!document.querySelector("details[data-menu][open]")) this.selection.clear();
  }
}
