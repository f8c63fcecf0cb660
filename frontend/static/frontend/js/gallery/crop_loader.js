/**
 * Loads pictures in the order in which they are wanted, a few at a time, and gives up those that nobody wants any more. What
 * fails in passing is tried again, later each time; what fails for good says so until it is asked for again. Knows no page.
 *
 * @typedef {{state: "loading"|"failed", tries: number}|{state: "ready", picture: any}} Loaded
 */

const AT_ONCE = 4; // of the six that a browser opens to one server: verdicts and news need theirs
const KEPT = 600;
const TRIES = 4;
const FIRST_WAIT_MS = 1000;

export class CropLoader extends EventTarget {
  /**
   * @param {(url: string, signal: AbortSignal) => Promise<any>} load rejects with an error whose `passing` says that a later try may succeed
   */
  constructor(load) {
    super();
    this.load = load;
    /** @type {Map<string, Loaded>} */
    this.known = new Map();
    /** @type {Map<string, AbortController>} */
    this.running = new Map();
    /** Not before its pause has passed. @type {Map<string, ReturnType<typeof setTimeout>>} */
    this.pausing = new Map();
    /** @type {string[]} */
    this.wanted = [];
  }

  /** The picture, or how it stands. @param {string} url */
  find(url) {
    return this.known.get(url);
  }

  /** These, in this order, and no others. @param {string[]} urls */
  want(urls) {
    this.wanted = urls;
    const wanted = new Set(urls);
    for (const [url, controller] of this.running) if (!wanted.has(url)) controller.abort();
    for (const [url, timer] of this.pausing) {
      if (wanted.has(url)) continue;
      clearTimeout(timer);
      this.pausing.delete(url);
    }
    this.#go();
  }

  /** Those that failed are asked for once more. */
  tryAgain() {
    for (const [url, { state }] of this.known) if (state === "failed") this.known.delete(url);
    this.#go();
  }

  #go() {
    for (const url of this.wanted) {
      if (this.running.size >= AT_ONCE) return;
      const state = this.known.get(url)?.state;
      if (state === "ready" || state === "failed" || this.running.has(url) || this.pausing.has(url)) continue;
      this.#start(url);
    }
  }

  /** @param {string} url */
  async #start(url) {
    const controller = new AbortController();
    this.running.set(url, controller);
    const known = this.known.get(url);
    const tries = known && "tries" in known ? known.tries + 1 : 1;
    this.known.set(url, { state: "loading", tries });
    try {
      const picture = await this.load(url, controller.signal);
      this.#keep(url, picture);
    } catch (error) {
      if (controller.signal.aborted) this.known.delete(url);
      else this.#failed(url, tries, /** @type {{passing?: boolean, status?: number}} */ (error));
    } finally {
      if (this.running.get(url) === controller) this.running.delete(url);
    }
    this.#tell(url);
    this.#go();
  }

  /** @param {string} url @param {any} picture */
  #keep(url, picture) {
    this.known.delete(url); // to the end: the oldest leave first
    this.known.set(url, { state: "ready", picture });
    const wanted = new Set(this.wanted);
    for (const [old, loaded] of this.known) {
      if (this.known.size <= KEPT) break;
      if (wanted.has(old) || this.running.has(old)) continue;
      if (loaded.state === "ready") loaded.picture.close?.();
      this.known.delete(old);
    }
  }

  /** @param {string} url @param {number} tries @param {{passing?: boolean, status?: number}} problem */
  #failed(url, tries, problem) {
    if (problem.status === undefined) throw problem;
    if (!problem.passing || tries >= TRIES) {
      this.known.set(url, { state: "failed", tries });
      return;
    }
    const wait = FIRST_WAIT_MS * 2 ** (tries - 1);
    const timer = setTimeout(() => {
      this.pausing.delete(url);
      this.#go();
    }, wait);
    this.pausing.set(url, timer);
  }

  /** @param {string} url */
  #tell(url) {
    this.dispatchEvent(new CustomEvent("loaded", { detail: url }));
  }
}
