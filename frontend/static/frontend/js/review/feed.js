/** Follows one analysis: asks for what changed since the last answer, every second while it runs, else every two. */

import { get } from "../lib/api.js";

const RUNNING_MS = 1000;
const RESTING_MS = 2000;
const UNSEEN_MS = 10_000;
const LONGEST_MS = 15_000;

export class Feed extends EventTarget {
  /**
   * @param {string} url …/changes/
   * @param {import("./store.js").ReviewStore} store
   */
  constructor(url, store) {
    super();
    this.url = url;
    this.store = store;
    this.lost = false;
    this.failures = 0;
    this.signedOut = false;
    this.timer = 0;
    this.busy = false;
    this.again = false;
    document.addEventListener("visibilitychange", () => !document.hidden && this.now());
    addEventListener("online", () => this.now());
  }

  /** Asks at once; while an answer is on its way, asks once more after it. */
  async now() {
    clearTimeout(this.timer);
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    await this.#ask();
    this.busy = false;
    const wait = this.again ? 0 : this.#pause();
    this.again = false;
    this.timer = window.setTimeout(() => this.now(), wait);
  }

  async #ask() {
    try {
      for (let more = true; more; ) {
        const changes = await get(`${this.url}?since=${this.store.revision}`);
        this.store.apply(changes);
        more = Boolean(changes.more);
      }
      this.failures = 0;
      this.signedOut = false;
      this.#setLost(false);
    } catch (error) {
      const problem = /** @type {import("../lib/api.js").ApiError} */ (error);
      if (problem.status === undefined) throw error;
      this.failures += 1;
      this.#setLost(true);
      if (problem.status === 404) this.dispatchEvent(new Event("gone"));
      if (problem.status !== 401 || this.signedOut) return;
      this.signedOut = true; // told once, not with every question until the next sign-in
      this.dispatchEvent(new Event("signed-out"));
    }
  }

  /** @param {boolean} lost */
  #setLost(lost) {
    if (lost === this.lost) return;
    this.lost = lost;
    this.dispatchEvent(new Event("connection"));
  }

  #pause() {
    if (this.failures) return Math.min(LONGEST_MS, RUNNING_MS * 2 ** this.failures);
    if (document.hidden) return UNSEEN_MS;
    return ["queued", "running"].includes(this.store.analysis?.state ?? "") ? RUNNING_MS : RESTING_MS;
  }
}
