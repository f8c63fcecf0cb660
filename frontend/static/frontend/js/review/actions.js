/** What a reader does: verdict, undo, redo, figure. Each goes through the outbox and shows at once. */

import { uuid4 } from "../lib/uuid.js";

/**
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").Label} Label
 * @typedef {{label: Label, reason: string, comment: string}} Answer
 * @typedef {{key: string, before: Answer, after: Answer}} Step
 */

/** @type {Answer} */
const NOTHING = { label: "withdrawn", reason: "", comment: "" };

export class Actions extends EventTarget {
  /**
   * @param {string} analysis id
   * @param {import("./store.js").ReviewStore} store
   * @param {import("./outbox.js").Outbox} outbox
   */
  constructor(analysis, store, outbox) {
    super();
    this.analysis = analysis;
    this.store = store;
    this.outbox = outbox;
    /** @type {Step[]} */
    this.done = [];
    /** @type {Step[]} */
    this.undone = [];
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
    this.done.push({ key: item.key, before: { label: before.label, reason: before.reason, comment: before.comment }, after });
    this.undone = [];
    return true;
  }

  /** @param {number} x_l0 @param {number} y_l0 @returns {string} key of the new figure */
  addFigure(x_l0, y_l0) {
    const id = uuid4();
    const key = `f${id}`;
    this.outbox.add({ id, analysis: this.analysis, kind: "figure", key, body: { id, x_l0, y_l0 } });
    this.done.push({ key, before: NOTHING, after: { label: "mitosis", reason: "", comment: "" } });
    this.undone = [];
    return key;
  }

  /** @returns {Step|null} what was taken back */
  undo() {
    const step = this.done.pop();
    if (!step) return null;
    this.undone.push(step);
    this.#post(step.key, step.before);
    return step;
  }

  /** @returns {Step|null} */
  redo() {
    const step = this.undone.pop();
    if (!step) return null;
    this.done.push(step);
    this.#post(step.key, step.after);
    return step;
  }

  /** A figure that the server joined with a known place keeps its history there. @param {string} from @param {string} to */
  rename(from, to) {
    for (const step of [...this.done, ...this.undone]) if (step.key === from) step.key = to;
  }

  /** @param {string} key @param {Answer} answer */
  #post(key, { label, reason, comment }) {
    const target = key.startsWith("d") ? { detection: Number(key.slice(1)) } : { figure: key.slice(1) };
    const id = uuid4();
    this.outbox.add({ id, analysis: this.analysis, kind: "verdict", key, body: { id, ...target, label, reason, comment } });
  }
}
