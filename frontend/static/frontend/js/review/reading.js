/**
 * One person at one analysis, as every page that judges needs it: what is known, what is on its way, what was done, what is
 * new. Says "answered" when the server has answered something of this analysis.
 */

import { toast } from "../lib/toast.js";
import { Actions } from "./actions.js";
import { showRefused } from "./dialogs.js";
import { Feed } from "./feed.js";
import { openOutbox } from "./leftovers.js";
import { installSavedSign } from "./saved_sign.js";
import { ReviewStore, keyOf } from "./store.js";

/** @typedef {{from: string, to: string}} Joined a figure that the server made a verdict on a neighbour: its key here, and there */

export class Reading extends EventTarget {
  /**
   * @param {{api: string, analysis: string, me: import("./types.js").Reader, judges: boolean}} whose
   * @param {{saved: HTMLElement, alarm: HTMLElement, refused: HTMLDialogElement}} parts of the page
   */
  constructor({ api, analysis, me, judges }, { saved, alarm, refused }) {
    super();
    this.analysis = analysis;
    this.store = new ReviewStore(me, judges);
    this.outbox = openOutbox(me.id, api);
    this.actions = new Actions(analysis, this.store, this.outbox);
    this.feed = new Feed(`${api}analyses/${analysis}/changes/`, this.store);
    installSavedSign(saved, alarm, this.outbox, () => showRefused(refused, this.outbox, this.store));
    this.#listen();
  }

  #listen() {
    const { store, outbox, feed } = this;
    store.setWaiting(this.#waitingHere());
    outbox.addEventListener("change", (event) => {
      store.setWaiting(this.#waitingHere());
      if (/** @type {CustomEvent} */ (event).detail === "taken") feed.now();
    });
    outbox.addEventListener("answer", (event) => this.#answered(/** @type {CustomEvent} */ (event).detail));
    feed.addEventListener("gone", () => toast("This analysis was removed.", { kind: "bad" }));
    feed.addEventListener("signed-out", () =>
      toast("Signed out. What you judge is kept in this browser until you sign in again.", { kind: "bad" }),
    );
  }

  /** @returns {Promise<void>} when what the server has is here */
  start() {
    this.outbox.start();
    return this.feed.now();
  }

  #waitingHere() {
    return this.outbox.waiting.filter((entry) => entry.analysis === this.analysis);
  }

  /** @param {{entry: import("./types.js").Entry, answer: import("./types.js").Answer}} detail */
  #answered({ entry, answer }) {
    if (entry.analysis !== this.analysis) return;
    this.store.applyAnswer(answer);
    const { verdict } = answer;
    const isJoined = entry.kind === "figure" && verdict && verdict.figure !== entry.body.id;
    /** @type {Joined|null} */
    const joined = isJoined ? { from: entry.key, to: keyOf(verdict) } : null;
    if (joined) {
      this.actions.rename(joined.from, joined.to);
      toast(`Within 7.5 µm of ${this.store.items.get(joined.to)?.name ?? "a known one"}: your verdict went there.`);
    }
    this.dispatchEvent(new CustomEvent("answered", { detail: { joined } }));
  }
}
