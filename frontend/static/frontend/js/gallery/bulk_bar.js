/** Below the crops, never over them: how many are chosen, and what each press will do to them before it is pressed. */

import { el, icon, mark } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { ATYPICAL, LABELS, PHASES, REASONS } from "../review/labels.js";
import { namePress, tellPress } from "./press.js";

/**
 * @typedef {import("../review/types.js").Label} Label
 * @typedef {import("../review/types.js").Phase} Phase
 * @typedef {{judge: (label: Label, more?: {reason: string}) => void, judgePhase: (phase: Phase) => void, markAtypical: () => void, undo: () => void, open: () => void, clear: () => void}} Handlers
 * @typedef {{plans: import("./press.js").Plan[], chosen: number, current: string, canUndo: boolean}} State `plans`: one for each label;
 *   `current`: name of the tile that the keys are at
 */

/** @param {string} text @param {string} key @param {() => void} onclick @param {string} image */
const action = (text, key, onclick, image) =>
  el("button", { type: "button", class: "btn ghost small", onclick }, icon(image), text, el("kbd", { text: key }));

export class BulkBar {
  /** @param {HTMLElement} host @param {boolean} judges @param {Handlers} handlers */
  constructor(host, judges, handlers) {
    this.judges = judges;
    this.title = el("b", { class: "g-chosen" });
    this.verdicts = LABELS.map(({ label, mark: shape, key, css }) => {
      const name = el("span", { class: "word" });
      const follows = el("span", { class: "follows" });
      const press = () => handlers.judge(label);
      const button = el(
        "button",
        { type: "button", class: `g-press ${css}`, "data-label": label, onclick: press },
        mark(shape),
        name,
        el("kbd", { text: key }),
        follows,
      );
      return { label, name, follows, button };
    });
    this.undo = action("Undo", "z", handlers.undo, "undo-2");
    this.open = action("On the slide", "Enter", handlers.open, "scan");
    this.clear = action("Clear", "Esc", handlers.clear, "x");
    const mine = el(
      "div",
      { class: "g-presses", role: "group", "aria-label": "Verdict on what is chosen" },
      ...this.verdicts.map(({ button }) => button),
      this.#sayMore(handlers),
    );
    host.replaceChildren(
      this.title,
      judges ? mine : el("span", { class: "second", text: "You look on: your role gives no verdicts." }),
      el("div", { class: "g-acts" }, judges && this.undo, this.open, judges && this.clear),
    );
  }

  /** @param {Handlers} handlers */
  #sayMore({ judge, judgePhase, markAtypical }) {
    const row = (/** @type {string} */ word, /** @type {string} */ key, /** @type {() => void} */ onclick) =>
      el("button", { type: "button", onclick }, el("kbd", { text: key }), word);
    const items = el(
      "div",
      { class: "items" },
      el("small", { text: "Not mitosis, because" }),
      ...REASONS.map(({ reason, word, key }) => row(word, key, () => judge("not_mitosis", { reason }))),
      el("small", { text: "Mitosis, in" }),
      ...PHASES.map(({ phase, word, key }) => row(word, key, () => judgePhase(phase))),
      row("Atypical, on and off", ATYPICAL.key, markAtypical),
    );
    const opener = el("summary", { class: "btn small" }, "More…", icon("chevron-up"));
    return el("details", { class: "menu up left g-more", "data-menu": true }, opener, items);
  }

  /** @param {State} state */
  update({ plans, chosen, current, canUndo }) {
    this.title.textContent = !this.judges || !chosen ? (current ? `Crop ${current}` : "Nothing here") : `${whole(chosen)} selected`;
    this.open.toggleAttribute("disabled", !current);
    if (!this.judges) return;
    for (const [at, { label, name, follows, button }] of this.verdicts.entries()) {
      const plan = plans[at];
      name.textContent = namePress(plan.total, { label });
      const words = tellPress(plan);
      button.title = words; // all of it, where the line has no room
      const [line, ...more] = plan.change ? words.split(", ") : [words];
      const [number, said] = line.split(" already judged");
      const rest = more.map((text) => el("span", { class: "visually-hidden", text: `, ${text}` }));
      follows.replaceChildren(
        number,
        ...(said ? [el("span", { class: "unit", text: " already" }), ` judged${said}`] : []),
        ...rest,
      );
      follows.classList.toggle("warn", plan.change > 0);
      button.toggleAttribute("disabled", !plan.total);
    }
    this.undo.toggleAttribute("disabled", !canUndo);
    this.clear.toggleAttribute("disabled", !chosen);
  }
}
