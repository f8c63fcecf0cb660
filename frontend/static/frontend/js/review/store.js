/**
 * Everything known about one analysis in this browser: items, verdicts in force, what still waits for the server.
 * Knows no page and no network; renderers listen to "change", whose detail is the keys of the items that changed where no
 * others can have, else null: a verdict among 100,000 costs no more than among ten.
 *
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").Verdict} Verdict
 * @typedef {import("./types.js").Label} Label
 * @typedef {import("./types.js").Reader} Reader
 * @typedef {import("../overlays/shapes.js").MarkState} MarkState
 */

import { Comments } from "./comments.js";
import { targetsIn, verdictsIn } from "./entries.js";
import { KeptSet } from "./kept_set.js";
import { saidOf } from "./said.js";
import { Spots } from "./spots.js";

/** @param {{detection?: number|null, figure?: string|null}} target */
export const keyOf = ({ detection, figure }) => (detection !== null && detection !== undefined ? `d${detection}` : `f${figure}`);

const DECISIVE = new Set(["mitosis", "not_mitosis"]);

export class ReviewStore extends EventTarget {
  /**
   * @param {Reader} me
   * @param {boolean} judges whether this reader gives verdicts; others see what the readers gave
   */
  constructor(me, judges) {
    super();
    this.me = me;
    this.judges = judges;
    this.revision = 0;
    /** Whether all that the server has is here; false while pages of it are still on their way. */
    this.caughtUp = false;
    /** @type {import("./types.js").Analysis|null} */
    this.analysis = null;
    /** @type {Map<string, Item>} */
    this.items = new Map();
    /** The newest verdict of each reader on each item. @type {Map<string, Map<string|number, Verdict>>} */
    this.given = new Map();
    /** Mine that the server has not confirmed yet, the last one of each item. @type {Map<string, import("./types.js").Said>} */
    this.waiting = new Map();
    this.comments = new Comments(me);
    /** Fields that readers looked at. @type {Map<string, import("./types.js").Look>} */
    this.looks = new Map();
    /** Mine that the server has not confirmed yet. @type {import("./types.js").LookBody[]} */
    this.waitingLooks = [];
    /** This reader's own filter; it changes no call and no count. @type {number|null} */
    this.threshold = null;
    this.figureCount = 0;
    /** States of this moment: asked for several times after each change. @type {Map<string, MarkState|"gone">} */
    this.states = new Map();
    /** @type {Spots|null} */
    this.marks = null;
    /** What the model calls or somebody added and I have not judged, whatever my own filter hides. */
    this.unjudged = new KeptSet(
      this.items,
      (item) => !this.mine(item.key) && (item.kind === "figure" ? this.stateOf(item) !== "gone" : item.mitosis),
    );
    /** Figures of mine that the server has not confirmed. @type {Set<string>} */
    this.waitingFigures = new Set();
  }

  /** @param {import("./types.js").Changes} changes */
  apply(changes) {
    const { comments = [], looks = [] } = changes;
    const said = changes.verdicts.length + comments.length + looks.length;
    const fresh = changes.detections.length + changes.figures.length + said > 0;
    const before = JSON.stringify(this.analysis);
    const threshold = this.analysis?.threshold;
    this.revision = Math.max(this.revision, changes.revision);
    this.analysis = changes.analysis;
    const wasBehind = !this.caughtUp;
    this.caughtUp = !changes.more;
    for (const detection of changes.detections) {
      const { id, number, x_l0, y_l0, probability, mitosis, explained } = detection;
      this.items.set(`d${id}`, {
        key: `d${id}`,
        kind: "detection",
        id,
        number,
        name: String(number),
        x_l0,
        y_l0,
        probability,
        mitosis,
        explained,
      });
    }
    for (const figure of changes.figures) this.#addFigure(figure, false);
    for (const verdict of changes.verdicts) this.#take(verdict);
    for (const comment of comments) this.comments.take(keyOf(comment), comment);
    for (const look of looks) this.looks.set(look.id, look);
    const onlySaid = !changes.detections.length && !changes.figures.length && threshold === this.analysis?.threshold;
    if (fresh || (wasBehind && this.caughtUp) || before !== JSON.stringify(this.analysis))
      this.#changed(onlySaid ? [...changes.verdicts, ...comments].map(keyOf) : null);
  }

  /** The server's answer to one of mine, ahead of the next poll. @param {import("./types.js").Answer} answer */
  applyAnswer({ verdict, verdicts = [], figure, comment, look }) {
    if (figure) this.#addFigure(figure, false);
    for (const one of verdict ? [verdict] : verdicts) this.#take(one);
    if (comment) this.comments.take(keyOf(comment), comment);
    if (look) this.looks.set(look.id, look);
    const said = [
      ...verdicts,
      ...(verdict ? [verdict] : []),
      ...(comment ? [comment] : []),
      ...(figure ? [{ figure: figure.id }] : []),
    ];
    this.#changed(said.map(keyOf));
  }

  /** What waits in the outbox, oldest first. @param {import("./types.js").Entry[]} entries */
  setWaiting(entries) {
    const before = [...this.waiting.keys(), ...this.comments.waiting.map(({ key }) => key), ...this.waitingFigures];
    this.waiting = new Map();
    const figures = new Set();
    this.comments.waiting = [];
    this.waitingLooks = [];
    for (const entry of entries) {
      if (entry.refused !== null) continue;
      if (entry.kind === "figure") {
        figures.add(entry.key);
        this.#addFigure({ id: entry.body.id, x_l0: entry.body.x_l0, y_l0: entry.body.y_l0 }, true);
        this.waiting.set(entry.key, saidOf({ label: "mitosis", purpose: entry.body.purpose }));
      } else if (entry.kind === "comment") {
        this.comments.waiting.push({ key: entry.key, body: entry.body });
      } else if (entry.kind === "look") {
        this.waitingLooks.push(entry.body);
      } else {
        for (const body of verdictsIn(entry)) this.waiting.set(keyOf(body), saidOf(body));
      }
    }
    // A figure that became a verdict on a neighbour, or was refused, was never a figure of its own.
    for (const key of this.waitingFigures) if (this.items.get(key)?.waiting && !figures.has(key)) this.items.delete(key);
    this.waitingFigures = figures;
    this.#changed([...before, ...entries.flatMap((entry) => [entry.key ?? "", ...targetsIn(entry).map(keyOf)])]);
  }

  /** @param {{id: string, x_l0: number, y_l0: number}} figure @param {boolean} waiting */
  #addFigure({ id, x_l0, y_l0 }, waiting) {
    const key = `f${id}`;
    const known = this.items.get(key);
    if (known && (waiting || !known.waiting)) return;
    const number = known?.number ?? ++this.figureCount;
    this.items.set(key, {
      key,
      kind: "figure",
      id,
      number,
      name: `F${number}`,
      x_l0,
      y_l0,
      probability: null,
      mitosis: false,
      explained: false,
      waiting,
    });
  }

  /** @param {Verdict} verdict */
  #take(verdict) {
    const key = keyOf(verdict);
    const byReader = this.given.get(key) ?? new Map();
    const known = byReader.get(verdict.reader.id);
    if (!known || known.revision <= verdict.revision) byReader.set(verdict.reader.id, verdict);
    this.given.set(key, byReader);
  }

  /** @param {string[]|null} [keys] all that changed; null: anything may have */
  #changed(keys = null) {
    if (keys) {
      for (const key of keys) this.states.delete(key);
      this.unjudged.update(keys);
    } else {
      this.states.clear();
      this.unjudged.forget();
    }
    if (!keys || !this.marks?.update(keys)) this.marks = null;
    this.dispatchEvent(new CustomEvent("change", { detail: keys }));
  }

  /** @param {number|null} threshold null: the model's */
  setThreshold(threshold) {
    this.threshold = threshold;
    this.#changed();
  }

  /** Above this a detection is asked about: the reader's own filter, or the model's call. @param {Item} item */
  isAsked(item) {
    if (item.probability === null) return true;
    return this.threshold === null ? item.mitosis : item.probability >= this.threshold;
  }

  /**
   * Mine in force, including what waits; null when there is none or it was withdrawn.
   * @param {string} key
   * @returns {import("./types.js").Said|null}
   */
  mine(key) {
    const found = this.waiting.get(key) ?? this.given.get(key)?.get(this.me.id);
    return found && found.label !== "withdrawn" ? found : null;
  }

  countUnjudged() {
    return this.unjudged.size;
  }

  /** How many of each answer are mine; the mitoses with those added by hand. */
  givenByMe() {
    const given = { mitosis: 0, added: 0, not_mitosis: 0, unsure: 0 };
    for (const item of this.items.values()) {
      const label = this.mine(item.key)?.label;
      if (!label || label === "withdrawn") continue;
      given[label] += 1;
      if (label === "mitosis" && item.kind === "figure") given.added += 1;
    }
    return given;
  }

  /** In force, of everybody else. @param {string} key @returns {Verdict[]} */
  others(key) {
    return [...(this.given.get(key)?.values() ?? [])].filter(
      (verdict) => verdict.reader.id !== this.me.id && verdict.label !== "withdrawn",
    );
  }

  /** Comments that readers gave with their verdicts in force, mine first. @param {string} key @returns {{reader: Reader, comment: string, at: string|null}[]} */
  verdictComments(key) {
    const mine = this.mine(key);
    const own = mine?.comment ? [{ reader: this.me, comment: mine.comment, at: null }] : [];
    return [...own, ...this.others(key).filter(({ comment }) => comment)];
  }

  /** How much is said of an item, with what readers said by their verdicts. @param {string} key */
  commentCount(key) {
    return this.verdictComments(key).length + this.comments.standing(key).length;
  }

  /** @param {Item} item @returns {MarkState|"gone"} gone: a figure that nobody holds any more */
  stateOf(item) {
    const known = this.states.get(item.key);
    if (known) return known;
    const state = this.#stateOf(item);
    this.states.set(item.key, state);
    return state;
  }

  /** @param {Item} item @returns {MarkState|"gone"} */
  #stateOf(item) {
    const others = this.others(item.key);
    const mine = this.mine(item.key);
    if (item.kind === "figure" && !mine && !others.length) return "gone";
    const labels = new Set(others.map((verdict) => verdict.label).filter((label) => DECISIVE.has(label)));
    if (mine && DECISIVE.has(mine.label)) labels.add(mine.label);
    if (!mine && this.judges) return this.isAsked(item) ? "open" : "below";
    if (labels.size > 1) return "differ";
    const label = mine?.label ?? others[0]?.label;
    if (label === "mitosis") return item.kind === "figure" ? "added" : "yes";
    if (label === "not_mitosis") return "no";
    if (label === "unsure") return "unsure";
    return this.isAsked(item) ? "open" : "below";
  }

  /** The fields that somebody looked at; of me with those on their way. @param {number|string} reader id @returns {import("./types.js").LookBody[]} */
  looksOf(reader) {
    const kept = [...this.looks.values()].filter((look) => look.reader.id === reader);
    return reader === this.me.id ? [...kept, ...this.waitingLooks.filter(({ id }) => !this.looks.has(id))] : kept;
  }

  #marked() {
    this.marks ??= new Spots(this);
    return this.marks;
  }

  /** Every mark with its state, for the layer. */
  spots() {
    return this.#marked().list;
  }

  /** How many marks there are of each state; added figures are mitoses. */
  tally() {
    return this.#marked().tally;
  }

  /** Readers who gave verdicts here, me first. @returns {Reader[]} */
  readers() {
    const found = new Map();
    if (this.judges) found.set(this.me.id, this.me);
    for (const byReader of this.given.values()) {
      for (const { reader } of byReader.values()) found.set(reader.id, reader);
    }
    return [...found.values()];
  }
}

/** The verdict against the model's call; a figure has no call. @param {Item} item @param {string} label */
export function agreement(item, label) {
  if (item.probability === null || !DECISIVE.has(label)) return "";
  return (label === "mitosis") === item.mitosis ? "agree" : "disagree";
}
