/** The steps of what is being drawn: back, and forth again until something new is done. */

const MOST_STEPS = 200;

/** @template State */
export class History {
  /** @type {State[]} */
  #past = [];
  /** @type {State[]} */
  #future = [];

  /** @param {State} state never changed, always replaced */
  constructor(state) {
    this.state = state;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** @param {State} state */
  push(state) {
    this.#past = [...this.#past, this.state].slice(-MOST_STEPS);
    this.#future = [];
    this.state = state;
  }

  /** The last step goes on: one undo takes both back. @param {State} state */
  replace(state) {
    this.state = state;
  }

  undo() {
    const before = this.#past.pop();
    if (before === undefined) return false;
    this.#future.push(this.state);
    this.state = before;
    return true;
  }

  redo() {
    const after = this.#future.pop();
    if (after === undefined) return false;
    this.#past.push(this.state);
    this.state = after;
    return true;
  }
}
