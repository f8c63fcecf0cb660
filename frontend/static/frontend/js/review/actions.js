/**
 * What a reader does: verdict on one or on many, undo, redo, figure, comment, look. Each goes through the outbox and shows at once. The
 * steps outlive a reload of the page, and what a step gave is taken back only where it is still the answer in force.
 */

import { plural } from "../lib/format.js";
import { tabStorage } from "../lib/storage.js";
import { uuid4 } from "../lib/uuid.js";
import { wordsOf } from "./labels.js";
import { NOTHING, saidOf, saysSame } from "./said.js";

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").Label} Label
 * @typedef {import("./types.js").Said} Said
 * @typedef {import("./said.js").Saying} Saying
 * @typedef {{key: string, before: Said, after: Said}} Change
 * @typedef {{changes: Change[]}} Step what one undo takes back
 */

const KEPT_STEPS = 50;
const KEPT_CHANGES = 5000; // of all steps together, since a browser keeps a few megabytes; the last step is kept whole
export const MOST_AT_ONCE = 500; // verdicts that the server takes in one request

export class Actions extends EventTarget {
  /**
   * @param {string} analysis id
   * @param {import("./store.js").ReviewStore} store
   * @param {import("./outbox.js").Outbox} outbox
   * @param {Storage} [storage]
   */
  constructor(analysis, store, outbox, storage = tabStorage) {
    super();
    this.analysis = analysis;
    this.store = store;
    this.outbox = outbox;
    this.storage = storage;
    /** What verdicts are given for from now on. @type {import("./types.js").Purpose} */
    this.purpose = "validate";
    this.name = `mitoweb.steps.${store.me.id}.${analysis}`;
    /** @type {{done: Step[], undone: Step[]}} */
    const { done, undone } = JSON.parse(storage.getItem(this.name) ?? '{"done": [], "undone": []}');
    this.done = done.map(readStep);
    this.undone = undone.map(readStep);
  }

  #keep() {
    const [done, undone] = [this.done, this.undone].map(lastSteps);
    this.storage.setItem(this.name, JSON.stringify({ done, undone }));
  }

  /** @param {Change[]} changes */
  #remember(changes) {
    this.done.push({ changes });
    this.undone = [];
    this.#keep();
  }

  /** Mine in force on an item. @param {string} key @returns {Said} */
  answerOn(key) {
    return saidOf(this.store.mine(key) ?? NOTHING);
  }

  /** Whether an answer is the one in force: judged otherwise since, in another window, it is not. @param {string} key @param {Said} said */
  #holds(key, said) {
    return this.store.items.has(key) && saysSame(this.answerOn(key), said);
  }

  /** Before all is here nothing can be taken back: what is not here yet would stay. */
  get canUndo() {
    return this.store.caughtUp && this.done.some(({ changes }) => changes.some(({ key, after }) => this.#holds(key, after)));
  }

  /**
   * @param {Item} item
   * @param {Label} label
   * @param {Saying} [more]
   * @returns {boolean} false when it changes nothing
   */
  judge(item, label, more = {}) {
    return this.judgeAll([item], label, more) > 0;
  }

  /**
   * One act on many, which one undo takes back.
   * @param {Item[]} items
   * @param {Label} label
   * @param {Saying} [more] the comment given before stays unless a new one comes
   * @returns {number} how many it changes
   */
  judgeAll(items, label, more = {}) {
    const changes = this.planAll(items, label, more);
    if (!changes.length) return 0;
    this.#post(changes, "after");
    this.#remember(changes);
    return changes.length;
  }

  /** What `judgeAll` would change. @param {Item[]} items @param {Label} label @param {Saying} [more] @returns {Change[]} */
  planAll(items, label, more = {}) {
    return items
      .map(({ key }) => {
        const before = this.answerOn(key);
        const said = typeof more === "function" ? more(before) : more;
        return { key, before, after: saidOf({ comment: before.comment, purpose: this.purpose, ...said, label }) };
      })
      .filter(({ before, after }) => !saysSame(before, after));
  }

  /** @param {number} x_l0 @param {number} y_l0 @returns {string} key of the new figure */
  addFigure(x_l0, y_l0) {
    const id = uuid4();
    const key = `f${id}`;
    this.outbox.add({ id, analysis: this.analysis, kind: "figure", key, body: { id, x_l0, y_l0, purpose: this.purpose } });
    this.#remember([{ key, before: NOTHING, after: saidOf({ label: "mitosis", purpose: this.purpose }) }]);
    return key;
  }

  /** A field was looked at. @param {Omit<import("./types.js").LookBody, "id">} look */
  look(look) {
    const id = uuid4();
    this.outbox.add({ id, analysis: this.analysis, kind: "look", key: `l${id}`, body: { id, ...look } });
  }

  /** @param {string} key of the item @param {string} text @param {string|null} [replyTo] the comment that it answers */
  comment(key, text, replyTo = null) {
    this.#send(key, { ...targetOf(key), text, reply_to: replyTo });
  }

  /** @param {string} key of the item @param {string} comment one of this reader's own */
  withdrawComment(key, comment) {
    this.#send(key, { ...targetOf(key), withdraws: comment });
  }

  /** @param {string} key @param {Omit<import("./types.js").CommentBody, "id">} said */
  #send(key, said) {
    const id = uuid4();
    this.outbox.add({ id, analysis: this.analysis, kind: "comment", key, body: { id, ...said } });
  }

  /** @returns {Step|null} what was taken back */
  undo() {
    return this.#move(this.done, this.undone, "after", "before");
  }

  /** @returns {Step|null} */
  redo() {
    return this.#move(this.undone, this.done, "before", "after");
  }

  /**
   * The last step that still holds somewhere, as far as it does, goes from one list to the other.
   * @param {Step[]} from @param {Step[]} to @param {"before"|"after"} now @param {"before"|"after"} then
   */
  #move(from, to, now, then) {
    if (!this.store.caughtUp) return null;
    const holds = (/** @type {Change} */ change) => this.#holds(change.key, change[now]);
    const at = from.findLastIndex(({ changes }) => changes.some(holds));
    if (at < 0) return null;
    const step = { changes: from.splice(at, 1)[0].changes.filter(holds) };
    to.push(step);
    this.#keep();
    this.#post(step.changes, then);
    return step;
  }

  /** A figure that the server joined with a known place keeps its history there. @param {string} from @param {string} to */
  rename(from, to) {
    for (const { changes } of [...this.done, ...this.undone])
      for (const change of changes) if (change.key === from) change.key = to;
    this.#keep();
  }

  /** One goes by itself, several together: the server keeps all of a request or none. @param {Change[]} changes @param {"before"|"after"} side */
  #post(changes, side) {
    const bodies = changes.map((change) => ({ id: uuid4(), ...targetOf(change.key), ...saidOf(change[side]) }));
    const { analysis } = this;
    for (let from = 0; from < bodies.length; from += MOST_AT_ONCE) {
      const verdicts = bodies.slice(from, from + MOST_AT_ONCE);
      const [body] = verdicts;
      const entry = { id: body.id, analysis, key: changes[from].key };
      if (verdicts.length === 1) this.outbox.add({ ...entry, kind: "verdict", body });
      else this.outbox.add({ ...entry, kind: "verdicts", body: { verdicts } });
    }
  }
}

/** @param {string} key @returns {{detection: number}|{figure: string}} */
const targetOf = (key) => (key.startsWith("d") ? { detection: Number(key.slice(1)) } : { figure: key.slice(1) });

/** A step as it was stored; before many could be judged at once it was its one change. @param {Step|Change} stored @returns {Step} */
const readStep = (stored) => ("changes" in stored ? stored : { changes: [stored] });

/** As many of the last steps as are kept. @param {Step[]} steps */
function lastSteps(steps) {
  let left = KEPT_CHANGES;
  const first = steps.findLastIndex(({ changes }) => {
    left -= changes.length;
    return left < 0;
  });
  return steps.slice(Math.max(steps.length - KEPT_STEPS, Math.min(first + 1, steps.length - 1), 0));
}

/** What was taken back ("before") or given again ("after"), for the live region. @param {Step} step @param {"before"|"after"} side @param {import("./store.js").ReviewStore} store */
export function sayStep({ changes }, side, store) {
  const [{ key, ...answers }] = changes;
  if (changes.length > 1) return `${plural(changes.length, "verdict")} ${side === "before" ? "taken back" : "given again"}`;
  return `${store.items.get(key)?.name ?? "The figure"} is ${wordsOf(answers[side])} again`;
}
