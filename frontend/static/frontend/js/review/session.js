/** One reader at one analysis: puts store, outbox, feed, count and renderers together. */

import { el, one } from "../lib/dom.js";
import { probability } from "../lib/format.js";
import { toast } from "../lib/toast.js";
import { isLinkedPlace } from "../viewer/address.js";
import { inside } from "../viewer/geometry.js";
import { sayStep } from "./actions.js";
import { Card } from "./card.js";
import { CountModel } from "./count.js";
import { Crops } from "./crops.js";
import { findItem, rememberItem } from "./current_item.js";
import { askComment } from "./dialogs.js";
import { Explanations } from "./gradcam.js";
import { verdictKeys, wordOf } from "./labels.js";
import { installLegend } from "./legend.js";
import { Onward } from "./onward.js";
import { Panel } from "./panel.js";
import { QueueList } from "./queue_list.js";
import { Reading } from "./reading.js";
import { Review } from "./review.js";
import { Runs } from "./runs.js";
import { Strip } from "./strip.js";
import { ThresholdFilter } from "./threshold.js";

const PRELOADED = 2;

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").Label} Label
 * @typedef {{data: import("../viewer/types.js").ViewerData & {analysis: string}, view: import("../viewer/slide_view.js").SlideView, layer: import("../overlays/layer.js").MarkLayer,
 *   regions: ReturnType<typeof import("../viewer/regions.js").installRegions>, openAnalyse: () => void, openImport: () => void}} Parts
 */

/** @param {Parts} parts */
export function startReview(parts) {
  return new Session(parts);
}

class Session {
  /** @param {Parts} parts */
  constructor({ data, view, layer, regions, openAnalyse, openImport }) {
    const { api, analysis, may, me } = data;
    const base = `${api}analyses/${analysis}/`;
    this.data = data;
    this.view = view;
    this.layer = layer;
    this.reading = new Reading(
      { api, analysis, me, judges: may.judge },
      { saved: one("#saved"), alarm: one("#alarm"), refused: one("#refused-dialog") },
    );
    this.store = this.reading.store;
    this.actions = this.reading.actions;
    this.review = new Review(this.store);
    this.review.wanted = findItem(me.id, analysis);
    this.onward = new Onward(this.review, { api, reading: data.case, slide: data.slide.id });
    this.count = new CountModel(
      `${base}count/`,
      data.slide.id,
      regions.all.map(({ id }) => id),
    );
    this.crops = new Crops(data.slide);
    this.card = this.#card();
    this.panel = new Panel(one("#panel"), this.review, this.card, new QueueList(this.review, this.crops), this.onward);
    this.strip = new Strip(one("#strip"), this.count, {
      regions: regions.all,
      sheet: data.slide.kind === "sheet",
      may,
      exportUrl: base,
      me: { ...me, reads: data.reads },
      removeRegion: (region) => regions.remove(region),
    });
    this.threshold = new ThresholdFilter(one("#threshold"), this.store, one("#threshold-now"));
    this.updateLegend = installLegend(one("#legend"), this.store, layer);
    this.runs = new Runs(
      {
        sign: one("#analysis-state"),
        menu: /** @type {HTMLDetailsElement} */ (one("#analysis-menu")),
        list: one("#analysis-list"),
        panel: this.panel.run,
      },
      {
        api,
        may,
        slide: data.slide.id,
        analyses: data.analyses,
        current: analysis,
        open: openAnalyse,
        openImport,
        refresh: () => this.reading.feed.now(),
      },
    );
    regions.onChange((chosen) => {
      this.count.choose(chosen ?? "best");
    });
    this.#listen();
    this.keys = this.#keys();
    const [linked, loaded] = [isLinkedPlace(), this.reading.start()];
    view.opened.then(
      () => this.#showFirst(linked, loaded),
      () => undefined, // the page says that the slide could not be opened
    );
  }

  /**
   * The current figure is in view from the start. The place of a link stays; then a figure that is in view becomes the current.
   * The region comes later and may change which is first, and is followed unless the reader has moved on.
   * @param {boolean} linked
   * @param {Promise<void>} loaded
   */
  async #showFirst(linked, loaded) {
    const counted = new Promise((resolve) => this.count.addEventListener("change", resolve, { once: true }));
    await loaded;
    if (linked) {
      this.#chooseInView();
      return;
    }
    this.#lookAtCurrent();
    const place = JSON.stringify(this.view.position());
    await counted;
    if (this.review.untouched && place === JSON.stringify(this.view.position())) this.#lookAtCurrent();
  }

  #chooseInView() {
    const { review, view } = this;
    if (!review.item || view.shows(review.item.x_l0, review.item.y_l0)) return;
    const { x_l0, y_l0 } = view.centre();
    const seen = review.list(review.tab).filter((item) => view.shows(item.x_l0, item.y_l0));
    const away = (/** @type {Item} */ item) => Math.hypot(item.x_l0 - x_l0, item.y_l0 - y_l0);
    const nearest = seen.sort((a, b) => away(a) - away(b))[0];
    if (nearest) review.choose(nearest.key, { back: true });
  }

  #card() {
    const { may, api, analyses, analysis } = this.data;
    const isOurs = !analyses.find(({ id }) => id === analysis)?.imported; // else no network is here to explain it
    return new Card(
      this.review,
      this.crops,
      new Explanations(api),
      { judges: may.judge, explains: may.explain && isOurs },
      {
        judge: (label, reason = "") => this.judge(label, reason),
        undo: () => this.undo(),
        next: () => this.next(),
        comment: () => this.comment(),
        follows: (item, label) => this.#follows(item, label),
      },
    );
  }

  #listen() {
    const { store, review, count, layer } = this;
    this.reading.addEventListener("answered", (event) => this.#answered(/** @type {CustomEvent} */ (event).detail));
    let counted = "";
    store.addEventListener("change", () => {
      layer.setSpots(/** @type {import("../overlays/layer.js").Spot[]} */ (store.spots()));
      this.updateLegend();
      this.threshold.update();
      this.runs.update(store.analysis);
      const state = `${store.revision} ${store.analysis?.state}`;
      if (state !== counted && store.analysis) count.refresh();
      counted = state;
    });
    review.addEventListener("change", () => this.#render());
    review.addEventListener("chosen", () => this.#lookAtCurrent());
    count.addEventListener("change", () => this.#counted());
  }

  /** @param {{joined: import("./reading.js").Joined|null}} detail */
  #answered({ joined }) {
    if (joined && this.review.current === joined.from) this.review.choose(joined.to, { back: true });
    this.count.refresh();
  }

  #render() {
    const { item } = this.review;
    this.layer.current = item
      ? {
          x_l0: item.x_l0,
          y_l0: item.y_l0,
          number: item.name,
          fact: item.probability === null ? "" : probability(item.probability),
        }
      : null;
    this.panel.update(this.actions.canUndo);
    if (item) rememberItem(this.data.me.id, this.data.analysis, item.key);
    this.view.redraw();
    this.crops.preload(this.review.upcoming(PRELOADED));
  }

  #lookAtCurrent() {
    const { item } = this.review;
    if (item) this.view.opened.then(() => this.view.lookAt(item.x_l0, item.y_l0));
  }

  #counted() {
    const { count } = this.count;
    if (!count) return;
    this.layer.region = count.region.polygon;
    this.review.setRegion(this.layer.region);
    const label = one("#region-label");
    label.hidden = !this.layer.region;
    const name =
      count.region.kind === "best"
        ? "Best place"
        : count.region.kind === "whole"
          ? "Analysed"
          : (this.data.regions.find((region) => region.id === count.region.id)?.name ?? "Region");
    label.textContent = count.region.area_mm2 === null ? name : `${name}, ${count.region.area_mm2.toFixed(2)} mm²`;
    this.#showPeople();
    this.card.update(this.actions.canUndo);
    const words = `${count.confirmed} ${count.confirmed === 1 ? "figure" : "figures"} confirmed, ${count.open} open`;
    if (this.said !== words && count.judged) one("#live").textContent = words;
    this.said = words;
    this.view.redraw();
  }

  said = "";

  #showPeople() {
    const judged = new Map((this.count.count?.readers ?? []).map(({ reader, judged: number }) => [reader.id, number]));
    one("#people").replaceChildren(
      ...this.store
        .readers()
        .slice(0, 6)
        .map((reader) => {
          const number = judged.get(reader.id) ?? 0;
          return el("span", {
            class: `avatar ${number ? "" : "none"} ${reader.id === this.data.me.id ? "me" : ""}`,
            role: "img",
            "aria-label": `${reader.username}, ${number} judged in the region`,
            "data-tip": `${reader.username}, ${number} judged in the region`,
            text: reader.initials,
          });
        }),
    );
  }

  /** What the count would be after this verdict. @param {Item} item @param {Label} label */
  #follows(item, label) {
    const { count } = this.count;
    // What waits for the server is not in the count yet: no number is better than a wrong one.
    if (!count || this.count.reader !== null || this.store.waiting.size) return "";
    if (label === "unsure") return "not counted";
    if (this.review.region && !inside(this.review.region, item.x_l0, item.y_l0)) return "outside";
    const now = this.store.mine(item.key)?.label === "mitosis" ? 1 : 0;
    const then = count.confirmed - now + (label === "mitosis" ? 1 : 0);
    return `${then} ${then === 1 ? "figure" : "figures"}`;
  }

  /** @param {string} key */
  choose(key) {
    this.review.choose(key);
  }

  /** @param {Label} label @param {string} [reason] */
  judge(label, reason = "") {
    const { item } = this.review;
    if (!item || !this.data.may.judge) return;
    this.review.untouched = false;
    if (!this.actions.judge(item, label, { reason })) return;
    one("#live").textContent = `${item.name}: ${wordOf(label)}`;
    if (this.onward.isDone && this.review.tab === "queue")
      one("#live").textContent = `${item.name}: ${wordOf(label)}. All calls are judged`;
    else if (this.review.goOn) this.next();
  }

  /** Enter at the end of the queue. */
  goOnward() {
    this.onward.go();
  }

  /** @param {number} x_l0 @param {number} y_l0 */
  addFigure(x_l0, y_l0) {
    const key = this.actions.addFigure(x_l0, y_l0);
    this.review.choose(key);
  }

  undo() {
    this.#stepped(this.actions.undo(), "before");
  }

  redo() {
    this.#stepped(this.actions.redo(), "after");
  }

  /** @param {import("./actions.js").Step|null} step @param {"before"|"after"} side */
  #stepped(step, side) {
    if (!step) return;
    const [{ key }] = step.changes;
    if (this.store.items.has(key)) this.review.choose(key, { back: true });
    one("#live").textContent = sayStep(step, side, this.store);
  }

  next() {
    if (!this.review.next()) one("#live").textContent = "No other one in this list";
  }

  comment() {
    if (!this.data.may.judge) return;
    const item = this.#toComment();
    const mine = item && this.store.mine(item.key);
    if (!mine) {
      toast("A comment belongs to a verdict: judge it first.");
      return;
    }
    askComment(/** @type {HTMLDialogElement} */ (one("#comment-dialog")), item.name, mine.comment, (comment) =>
      this.actions.judge(item, mine.label, { reason: mine.reason, comment }),
    );
  }

  /** The current one, or the one judged last where the next came by itself. @returns {Item|null} */
  #toComment() {
    const { item } = this.review;
    if (item && this.store.mine(item.key)) return item;
    const last = this.actions.done.at(-1)?.changes ?? [];
    return (last.length === 1 && this.store.items.get(last[0].key)) || null;
  }

  /** Those that do something for this person's role. @returns {import("../viewer/keys.js").Binding[]} */
  #keys() {
    const next = [
      { keys: ["Space"], words: "next", run: () => this.next() },
      { keys: ["Shift Space"], words: "previous", run: () => this.review.previous() },
    ];
    const looking = [
      { keys: ["g"], words: "Grad-CAM over the crop", run: () => this.card.view.toggle() },
      {
        keys: ["[", "]"],
        words: "your own threshold down, up",
        run: (/** @type {string} */ key) => this.threshold.nudge(key === "[" ? -1 : 1),
      },
    ];
    if (!this.data.may.judge) return [...next, ...looking];
    return [
      ...verdictKeys((label, reason) => this.judge(label, reason)),
      ...next,
      { keys: ["z"], words: "undo", run: () => this.undo() },
      { keys: ["Shift z"], words: "redo", run: () => this.redo() },
      { keys: ["c"], words: "comment on the last verdict", run: () => this.comment() },
      ...looking,
    ];
  }
}
