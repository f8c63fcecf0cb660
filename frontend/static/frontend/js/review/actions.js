/**
 * What a reader does: verdict, undo, redo, figure. Each goes through the outbox and shows at once. The steps outlive a reload of
 * the page, and one is taken back only while its answer is still the one in force.
 */

import { tabStorage } from "../lib/storage.js";
import { uuid4 } from "../lib/uuid.js";

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").Label} Label
 * @typedef {{label: Label, reason: string, comment: string}} Answer
 * @typedef {{key: string, before: Answer, after: Answer}} Step
 */

/** @type {Answer} */
const NOTHING = { label: "withdrawn", reason: "", comment: "" };
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

  /** Whether an answer is the one in force: judged otherwise since, in another window, it is not. @param {string} key @param {Answer} answer */
  #holds(key, answer) {
    if (!this.store.items.has(key)) return false;
    const { label, reason, comment } = this.store.mine(key) ?? NOTHING;
    return label === answer.label && reason === answer.reason && comment === answer.comment;
  }

  get canUndo() {
    return this.done.some(({ key, after }) => this.#holds(key, after));
  }

  /**
   * @param {Item} item
   * @param {Label} label
   * @param {{reason?: string, comment?: string}} [more] the comment given before stays unless a new one comes
   * @returns {boolean} false when it changes nothing
   */
  judge(item, label, { reason = "", comment } = {}) {
    const before = this.store.mine(item.key) ?? NOTHING;
    const after = { label, reason, comment: comment ?? before.comment };
    if (before.label === label && before.reason === reason && before.comment === after.comment) return false;
    this.#post(item.key, after);
    this.#remember({ key: item.key, before: { label: before.label, reason: before.reason, comment: before.comment }, after });
    return true;
  }

  /** @param {number} x_l0 @param {number} y_l0 @returns {string} key of the new figure */
  addFigure(x_l0, y_l0) {
    const id = uuid4();
    const key = `f${id}`;
    this.outbox.add({ id, analysis: this.analysis, kind: "figure", key, body: { id, x_l0, y_l0 } });
    this.#remember({ key, before: NOTHING, after: { label: "mitosis", reason: "", comment: "" } });
    return key;
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

  /** @param {string} key @param {Answer} answer */
  #post(key, { label, reason, comment }) {
    const target = key.startsWith("d") ? { detection: Number(key.slice(1)) } : { figure: key.slice(1) };
    const id = uuid4();
    this.outbox.add({ id, analysis: this.analysis, kind: "verdict", key, body: { id, ...target, label, reason, comment } });
  }
}

/** @param {Step[]} steps @param {(step: Step) => boolean} holds @returns {Step|null} */
function takeLast(steps, holds) {
  const at = steps.findLastIndex(holds);
  return at < 0 ? null : steps.splice(at, 1)[0];
}
