/**
 * Verdicts, figures, comments and looks on their way to the server. Each is written to this browser's storage first, under a name of its own
 * (two tabs never overwrite each other), and removed only by the server's answer. Sending twice is harmless: the UUID is
 * made here and the server knows it again.
 *
 * @typedef {import("./types.js").Entry} Entry
 */

import { storage as browserStorage } from "../lib/storage.js";
import { storedUser } from "../lib/person.js";
import { targetsIn } from "./entries.js";
import { keyOf } from "./store.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;
const MOVED_KEYS = 50;

export class Outbox extends EventTarget {
  /**
   * @param {{user: string|number, send: (entry: Entry) => Promise<import("./types.js").Answer>, storage?: Storage}} parts
   *   `send` rejects with an error whose `passing` says that a later try may succeed
   */
  constructor({ user, send, storage = browserStorage }) {
    super();
    this.prefix = `mitoweb.outbox.${user}.`;
    this.send = send;
    this.storage = storage;
    this.failing = false;
    this.signedOut = false;
    this.user = String(user);
    /** @type {Date|null} */
    this.savedAt = null;
    this.sending = false;
    this.wake = () => {};
    /** Figures that the server made a verdict on a neighbour: their key here, and what it became. @type {Map<string, {detection?: number|null, figure?: string}>} */
    this.moved = new Map();
  }

  start() {
    addEventListener("storage", (event) => {
      if (event.key?.startsWith(this.prefix)) this.#changed(event.newValue === null ? "taken" : "added");
    });
    addEventListener("online", () => this.wake());
    this.#drain();
  }

  /** Oldest first. @returns {Entry[]} */
  entries() {
    const found = [];
    for (let i = 0; i < this.storage.length; i += 1) {
      const name = this.storage.key(i);
      if (name?.startsWith(this.prefix)) found.push(/** @type {Entry} */ (JSON.parse(this.storage.getItem(name) ?? "{}")));
    }
    return found.sort((a, b) => a.seq - b.seq);
  }

  get waiting() {
    return this.entries().filter((entry) => entry.refused === null);
  }

  get refused() {
    return this.entries().filter((entry) => entry.refused !== null);
  }

  /** @param {import("./types.js").Sent} entry */
  add(entry) {
    const last = this.entries().at(-1)?.seq ?? 0;
    this.#write({ ...entry, seq: Math.max(Date.now(), last + 1), refused: null });
    this.#changed("added");
    this.wake();
    this.#drain();
  }

  /** Takes a refused one out of the list, once the reader has seen why. @param {string} id */
  dismiss(id) {
    this.storage.removeItem(this.prefix + id);
    this.#changed("taken");
  }

  /** @param {Entry} entry */
  #write(entry) {
    this.storage.setItem(this.prefix + entry.id, JSON.stringify(entry));
  }

  /** @param {"added"|"taken"|"saved"|"failing"|"refused"} what */
  #changed(what) {
    this.dispatchEvent(new CustomEvent("change", { detail: what }));
  }

  async #drain() {
    if (this.sending) return;
    this.sending = true;
    let wait = FIRST_WAIT_MS;
    try {
      for (let entry = this.waiting[0]; entry; entry = this.waiting[0]) {
        if (await this.#sendOne(entry.id)) wait = FIRST_WAIT_MS;
        else {
          await this.#pause(wait);
          wait = Math.min(LONGEST_WAIT_MS, wait * 2);
        }
      }
    } finally {
      this.sending = false;
    }
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  /**
   * One tab sends at a time where the browser offers locks; where it does not (plain http), the UUID makes doubles harmless.
   * @param {string} id
   * @returns {Promise<boolean>} whether to go on at once
   */
  async #sendOne(id) {
    const attempt = async () => {
      const stored = this.storage.getItem(this.prefix + id);
      return stored === null ? true : this.#attempt(JSON.parse(stored));
    };
    return navigator.locks ? navigator.locks.request(this.prefix, attempt) : attempt();
  }

  /** @param {Entry} entry */
  async #attempt(entry) {
    const person = storedUser();
    if (person && person !== this.user) {
      // Somebody else has signed in to this browser since: it must not be sent under that name.
      this.failing = this.signedOut = true;
      this.#changed("failing");
      return false;
    }
    try {
      const answer = await this.send(this.#redirected(entry));
      this.#follow(entry, answer);
      this.failing = this.signedOut = false;
      this.savedAt = new Date();
      this.dispatchEvent(new CustomEvent("answer", { detail: { entry, answer } }));
      this.storage.removeItem(this.prefix + entry.id);
      this.#changed("saved");
      return true;
    } catch (error) {
      const problem = /** @type {{passing?: boolean, status?: number, message: string}} */ (error);
      if (problem.passing || problem.status === 401) {
        this.failing = true;
        this.signedOut = problem.status === 401;
        this.#changed("failing");
        return false;
      }
      if (problem.status === undefined) throw error;
      this.#write({ ...entry, refused: problem.message });
      this.#changed("refused");
      return true;
    }
  }

  /** A figure within reach of a known place became a verdict on that: what follows it goes there too. @param {Entry} entry @param {import("./types.js").Answer} answer */
  #follow(entry, answer) {
    const target = answer?.verdict;
    if (entry.kind !== "figure" || !target || target.figure === entry.body.id) return;
    if (this.moved.size > MOVED_KEYS) this.moved.clear();
    const { id } = entry.body;
    this.moved.set(id, target.figure ? { figure: target.figure } : { detection: target.detection });
    for (const later of this.waiting)
      if (targetsIn(later).some(({ figure }) => figure === id)) this.#write(this.#redirected(later));
  }

  /** @param {Entry} entry @returns {Entry} */
  #redirected(entry) {
    if (entry.kind === "figure" || entry.kind === "look") return entry;
    if (entry.kind === "verdicts")
      return { ...entry, body: { verdicts: entry.body.verdicts.map((body) => this.#retargeted(body)) } };
    const body = this.#retargeted(entry.body);
    return /** @type {Entry} */ ({ ...entry, key: keyOf(body), body });
  }

  /** @template {{figure?: string, detection?: number|null}} T @param {T} body @returns {T} */
  #retargeted(body) {
    const target = this.moved.get(body.figure ?? "");
    if (!target) return body;
    const { figure: _left, ...rest } = body;
    return /** @type {T} */ ({ ...rest, ...target });
  }
}
