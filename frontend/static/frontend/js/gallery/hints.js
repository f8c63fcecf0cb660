/** The model's hints of type and phase, of those who switched them on. They change no order and no count by themselves. */

import { get } from "../lib/api.js";
import { choice, choose } from "../lib/storage.js";
import { hintsChoice, likeliest } from "../review/hint_line.js";

export class Hints extends EventTarget {
  /** @param {string} url …/hints/ @param {number|string} me */
  constructor(url, me) {
    super();
    this.url = url;
    this.name = hintsChoice(me);
    this.on = choice(this.name, "off") === "on";
    /** @type {Map<string, import("./facts.js").Hint>} */
    this.byKey = new Map();
    this.asked = 0;
    this.wanted = 0;
  }

  /** @returns {"none"|"off"|"on"} */
  get state() {
    if (!this.byKey.size) return "none";
    return this.on ? "on" : "off";
  }

  /** What may be shown of them. */
  get shown() {
    return this.on ? this.byKey : new Map();
  }

  /** @param {boolean} on */
  show(on) {
    this.on = on;
    choose(this.name, on ? "on" : "off");
    this.dispatchEvent(new Event("change"));
    this.follow(this.wanted);
  }

  /** Asks again when more explanations are there, which the hints come with. @param {number} explained how many are */
  async follow(explained) {
    this.wanted = explained;
    if (explained === this.asked || this.state === "off") return;
    const before = this.asked;
    this.asked = explained;
    try {
      const { hints } = await get(this.url);
      for (const { detection, subtype, phase } of hints)
        this.byKey.set(`d${detection}`, { subtype: likeliest(subtype)[0], phase: likeliest(phase)[0] });
      this.dispatchEvent(new Event("change"));
    } catch (error) {
      if (/** @type {{status?: number}} */ (error).status === undefined) throw error;
      this.asked = before; // with the next change
    }
  }
}
