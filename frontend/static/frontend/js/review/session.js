/** One reader at one analysis: puts store, outbox, feed, count and renderers together. */

import { el, one } from "../lib/dom.js";
import { probability } from "../lib/format.js";
import { isLinkedPlace } from "../viewer/address.js";
import { Walk, walkKeys } from "../viewer/walk/walk.js";
import { sayStep } from "./actions.js";
import { Card } from "./card.js";
import { CountModel } from "./count.js";
import { holds } from "./counted_region.js";
import { CountedView } from "./counted_view.js";
import { Crops } from "./crops.js";
import { findItem, rememberItem } from "./current_item.js";
import { askComment } from "./dialogs.js";
import { Explanations } from "./gradcam.js";
import { phaseKeys, verdictKeys, wordsOf } from "./labels.js";
import { installLegend } from "./legend.js";
import { MissedPart } from "./missed.js";
import { Onward } from "./onward.js";
import { Panel } from "./panel.js";
import { keepPurpose, readPurpose } from "./purpose.js";
import { QueueList } from "./queue_list.js";
import { Reading } from "./reading.js";
import { Review } from "./review.js";
import { Runs } from "./runs.js";
import { sayPhase, turnAtypical } from "./said.js";
import { describeDecision, hasLongScores, nameScore, sayWhatFollows } from "./score.js";
import { Strip } from "./strip.js";
import { Thread } from "./thread.js";
import { ThresholdFilter } from "./threshold.js";

const PRELOADED = 2;

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").Label} Label
 * @typedef {{data: import("../viewer/types.js").ViewerData & {analysis: string}, view: import("../viewer/slide_view.js").SlideView, layer: import("../overlays/layer.js").MarkLayer,
 *   regions: ReturnType<typeof import("../viewer/regions.js").installRegions>, openAnalyse: () => void, openImport: () => void, importAreas: () => void}} Parts
 */

/** @param {Parts} parts */
export function startReview(parts) {
  return new Session(parts);
}

class Session {
  /** @param {Parts} parts */
  constructor({ data, view, layer, regions, openAnalyse, openImport, importAreas }) {
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
    this.actions.purpose = readPurpose(me.id, data.slide.id);
    /** What was judged last, and what came by itself after it. @type {{judged: string, came: string|null}|null} */
    this.last = null;
    /** Where the reader was when the comments on another one were opened. @type {string|null} */
    this.cameFrom = null;
    this.review = new Review(this.store);
    this.review.wanted = findItem(me.id, analysis);
    this.onward = new Onward(this.review, { api, reading: data.case, slide: data.slide.id });
    this.count = new CountModel(
      `${base}count/`,
      data.slide.id,
      regions.all.map(({ id }) => id),
    );
    this.counted = new CountedView(view, layer, this.review);
    this.crops = new Crops(data.slide);
    this.card = this.#card();
    this.thread = this.#thread();
    const list = new QueueList(this.review, this.crops);
    const { outbox } = this.reading;
    const looking = { base, mayWalk: may.judge, count: this.count, store: this.store };
    /** Whether the view stays where it is, whatever becomes the current one. */
    this.holdsView = false;
    const hold = (/** @type {boolean} */ holds) => (this.holdsView = holds);
    this.walk = new Walk(view, layer, { ...looking, actions: this.actions, outbox, hold });
    const missed = new MissedPart({
      ...looking,
      review: this.review,
      audit: (sample) => this.walk.audit(sample),
      shown: (shows) => this.walk.showLooks(shows),
    });
    this.panel = new Panel(one("#panel"), this.review, this.card, list, this.onward, this.thread, missed);
    this.strip = new Strip(one("#strip"), this.count, {
      regions: regions.all,
      sheet: data.slide.kind === "sheet",
      may,
      exportUrl: base,
      api,
      case: data.case.id,
      countOpen: () => this.#countOpen(),
      me: { ...me, reads: data.reads },
      removeRegion: (region) => regions.remove(region),
      importAreas,
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
    this.keys = walkKeys(this.#keys(), this.walk);
    this.linked = isLinkedPlace();
    const loaded = this.reading.start();
    view.opened.then(
      () => this.#showFirst(loaded),
      () => undefined, // the page says that the slide could not be opened
    );
  }

  /**
   * The current figure is in view from the start. The place of a link stays; then a figure that is in view becomes the current.
   * The region comes later and may change which is first, and is followed unless the reader has moved on.
   * @param {Promise<void>} loaded
   */
  async #showFirst(loaded) {
    const counted = new Promise((resolve) => {
      this.count.addEventListener("change", () => this.count.counting || resolve(undefined));
    });
    await loaded;
    if (this.linked) {
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
        judge: (label, more) => this.judge(label, more),
        judgePhase: (phase) => this.judgePhase(phase),
        markAtypical: () => this.markAtypical(),
        purpose: this.actions.purpose,
        setPurpose: (purpose) => {
          this.actions.purpose = purpose;
          keepPurpose(this.data.me.id, this.data.slide.id, purpose);
        },
        undo: () => this.undo(),
        next: () => this.next(),
        talk: () => this.talk(),
        talkOf: () => this.#toTalkOf(),
        follows: (item, label) => this.#follows(item, label),
        decision: () => this.#decision(),
        hasLongScores: () => hasLongScores(this.count.count?.protocol.cutoffs ?? []),
      },
    );
  }

  #thread() {
    const { judge, comment } = this.data.may;
    return new Thread(
      this.store,
      { judge, comment },
      {
        say: (item, text, replyTo) => {
          this.actions.comment(item.key, text, replyTo);
          one("#live").textContent = `Comment on ${item.name} written`;
          this.closeTalk();
        },
        withdraw: (item, comment) => this.actions.withdrawComment(item.key, comment),
        edit: (item) => this.#editComment(item),
        close: () => this.closeTalk(),
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
    if (item && !this.holdsView) this.view.opened.then(() => this.view.lookAt(item.x_l0, item.y_l0));
  }

  #counted() {
    const { count } = this.count;
    if (!count) return;
    const before = this.review.current;
    this.counted.show(count, this.count.reader === null);
    if (before !== this.review.current && !this.linked) this.#lookAtCurrent(); // another order has another first
    this.#showPeople();
    this.card.update(this.actions.canUndo);
    const { state } = describeDecision(count, 0);
    const scored = state === "decided" ? `, decided: ${nameScore(count.score ?? "")}` : "";
    const words = `${count.confirmed} ${count.confirmed === 1 ? "figure" : "figures"} confirmed, ${count.open} open${scored}`;
    if (this.said !== words && count.judged) one("#live").textContent = words;
    this.said = words;
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
    const { count, reader } = this.count;
    // What waits for the server is not in the count yet: no number is better than a wrong one.
    if (!count || reader !== null || this.store.waiting.size) return null;
    return sayWhatFollows(count, {
      isInside: holds(count.region, count, item.x_l0, item.y_l0),
      isMitosis: this.store.mine(item.key)?.label === "mitosis",
      label,
    });
  }

  /** Of this reader's own count. */
  #decision() {
    const { count, reader } = this.count;
    return count && reader === null ? describeDecision(count, this.#countOpen()) : null;
  }

  #countOpen() {
    const isOwn = this.data.may.judge && this.count.reader === null;
    return isOwn ? this.store.countUnjudged() : (this.count.count?.open ?? 0);
  }

  /** @param {string} key */
  choose(key) {
    this.review.choose(key);
  }

  /** @param {Label} label @param {Partial<import("./types.js").Said>} [more] */
  judge(label, more = {}) {
    const { item } = this.review;
    if (!item || !this.data.may.judge) return;
    this.review.untouched = false;
    if (!this.actions.judge(item, label, more)) return;
    const words = `${item.name}: ${wordsOf({ label, ...more })}`;
    one("#live").textContent = words;
    if (this.onward.isDone && this.review.tab === "queue") one("#live").textContent = `${words}. All calls are judged`;
    else if (this.review.goOn) this.#goOn(item);
  }

  /** In one press, judged before or not. @param {import("./types.js").Phase} phase @param {boolean} [atypical] */
  judgePhase(phase, atypical = false) {
    this.judge("mitosis", sayPhase(phase, atypical)(this.#answer));
  }

  /** On and off for a mitosis; of anything else it makes an atypical one. */
  markAtypical() {
    this.judge("mitosis", turnAtypical([this.#answer])(this.#answer));
  }

  get #answer() {
    return this.actions.answerOn(this.review.current ?? "");
  }

  /** @param {Item} item what was judged just now */
  #goOn(item) {
    this.next();
    this.last = { judged: item.key, came: this.review.current };
    this.card.update(this.actions.canUndo); // the comment key now means the one judged
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

  /** Opens what is said of an item, and closes it again. */
  talk() {
    if (this.thread.open) {
      this.closeTalk();
      return;
    }
    const item = this.#toTalkOf();
    if (!item) return;
    this.thread.set(true);
    this.cameFrom = item.key === this.review.current ? null : this.review.current;
    if (this.cameFrom) this.review.choose(item.key, { back: true });
    else this.#render();
    this.thread.focus();
  }

  /** Back to where the reader was, who may have gone on meanwhile. */
  closeTalk() {
    if (!this.thread.open) return;
    const { cameFrom } = this;
    const stayed = this.review.current === this.last?.judged;
    this.thread.set(false);
    this.cameFrom = null;
    if (cameFrom && stayed) this.review.choose(cameFrom, { back: true });
    else this.#render();
  }

  /** The current one; where that came by itself and nothing is said of it, the one judged before it. @returns {Item|null} */
  #toTalkOf() {
    const { item } = this.review;
    const { last, store } = this;
    if (!item || this.thread.open || last?.came !== item.key) return item;
    if (store.mine(item.key) || store.commentCount(item.key)) return item;
    return store.items.get(last.judged) ?? item;
  }

  /** The comment that went with a verdict. @param {Item} item */
  #editComment(item) {
    const mine = this.store.mine(item.key);
    if (!mine) return;
    askComment(/** @type {HTMLDialogElement} */ (one("#comment-dialog")), item.name, mine.comment, (comment) =>
      this.actions.judge(item, mine.label, { ...mine, comment }),
    );
  }

  /** Those that do something for this person's role. @returns {import("../viewer/keys.js").Binding[]} */
  #keys() {
    const next = [
      { keys: ["Space"], words: "next", run: () => this.next() },
      { keys: ["Shift Space"], words: "previous", run: () => this.review.previous() },
    ];
    const looking = [
      { keys: ["c"], words: "comments: read, write, close", run: () => this.talk() },
      { keys: ["g"], words: "Grad-CAM over the crop", run: () => this.card.view.toggle() },
      {
        keys: ["[", "]"],
        words: "your own threshold down, up",
        run: (/** @type {string} */ key) => this.threshold.nudge(key === "[" ? -1 : 1),
      },
    ];
    if (!this.data.may.judge) return [...next, ...looking];
    return [
      ...verdictKeys((label, more) => this.judge(label, more)),
      ...phaseKeys(
        (phase, atypical) => this.judgePhase(phase, atypical),
        () => this.markAtypical(),
      ),
      ...next,
      { keys: ["z"], words: "undo", run: () => this.undo() },
      { keys: ["Shift z"], words: "redo", run: () => this.redo() },
      ...looking,
    ];
  }
}
