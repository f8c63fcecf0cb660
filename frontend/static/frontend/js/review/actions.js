/**
 * What a reader does: verdict, undo, redo, figure, comment. Each goes through the outbox and shows at once. The steps outlive a reload of
 * the page, and one is taken back only while its answer is still the one in force.
 */

import { tabStorage } from "../lib/storage.js";
import { uuid4 } from "../lib/uuid.js";
import { NOTHING, saidOf, saysSame } from "./said.js";

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").Label} Label
 * @typedef {import("./types.js").Said} Said
 * @typedef {{key: string, before: Said, after: Said}} Step
 */

const KEPT_STEPS = 50;

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
    this.done = done;
    this.undone = undone;
  }

  #keep() {
    const [done, undone] = [this.done, this.undone].map((steps) => steps.slice(-KEPT_STEPS));
    this.storage.setItem(this.name, JSON.stringify({ done, undone }));
  }

  /** @param {Step} step */
  #remember(step) {
    this.done.push(step);
    this.undone = [];
    this.#keep();
  }

  /** Whether an answer is the one in force: judged otherwise since, in another window, it is not. @param {string} key @param {Said} said */
  #holds(key, said) {
    return this.store.items.has(key) && saysSame(this.store.mine(key) ?? NOTHING, said);
  }

  get canUndo() {
    return this.done.some(({ key, after }) => this.#holds(key, after));
  }

  /**
   * @param {Item} item
   * @param {Label} label
   * @param {Partial<Omit<Said, "label">>} [more] the comment given before stays unless a new one comes
   * @returns {boolean} false when it changes nothing
   */
  judge(item, label, more = {}) {
    const before = saidOf(this.store.mine(item.key) ?? NOTHING);
    const after = saidOf({ comment: before.comment, purpose: this.purpose, ...more, label });
    if (saysSame(before, after)) return false;
    this.#post(item.key, after);
    this.#remember({ key: item.key, before, after });
    return true;
  }

  /** @param {number} x_l0 @param {number} y_l0 @returns {string} key of the new figure */
  addFigure(x_l0, y_l0) {
    const id = uuid4();
    const key = `f${id}`;
    this.outbox.add({ id, analysis: this.analysis, kind: "figure", key, body: { id, x_l0, y_l0, purpose: this.purpose } });
    this.#remember({ key, before: NOTHING, after: saidOf({ label: "mitosis", purpose: this.purpose }) });
    return key;
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
    const step = takeLast(this.done, ({ key, after }) => this.#holds(key, after));
    if (!step) return null;
    this.undone.push(step);
    this.#keep();
    this.#post(step.key, step.before);
    return step;
  }

  /** @returns {Step|null} */
  redo() {
    const step = takeLast(this.undone, ({ key, before }) => this.#holds(key, before));
    if (!step) return null;
    this.done.push(step);
    this.#keep();
    this.#post(step.key, step.after);
    return step;
  }

  /** A figure that the server joined with a known place keeps its history there. @param {string} from @param {string} to */
  rename(from, to) {
    for (const step of [...this.done, ...this.undone]) if (step.key === from) step.key = to;
    this.#keep();
  }

  /** @param {string} key @param {Said} said */
  #post(key, said) {
    const id = uuid4();
    const body = { id, ...targetOf(key), ...saidOf(said) };
    this.outbox.add({ id, analysis: this.analysis, kind: "verdict", key, body });
  }
}

/** What a key names, as the server wants it. @param {string} key */
const targetOf = (key) => (key.startsWith("d") ? { detection: Number(key.slice(1)) } : { figure: key.slice(1) });

/** @param {Step[]} steps @param {(step: Step) => boolean} holds @returns {Step|null} */
function takeLast(steps, holds) {
  const at = steps.findLastIndex(holds);
  return at < 0 ? null : steps.splice(at, 1)[0];
}
