/**
 * What a verdict can say beside its label: the reason why not, or the phase of a mitosis, in one place; and what verdicts are given
 * for. Both groups are laid out at once, so that changing from one to the other moves nothing.
 */

import { el } from "../lib/dom.js";
import { choice, choose } from "../lib/storage.js";
import { ATYPICAL, PHASES, PURPOSE_HELP, PURPOSES, REASONS } from "./labels.js";

/**
 * @typedef {import("./types.js").Said} Said
 * @typedef {import("./types.js").Purpose} Purpose
 * @typedef {"reasons"|"phases"} Side
 * @typedef {{judge: import("./card.js").Handlers["judge"], judgePhase: (phase: import("./types.js").Phase) => void, markAtypical: () => void, purpose: Purpose, setPurpose: (purpose: Purpose) => void}} Handlers
 */

const SIDES = /** @type {[Side, string][]} */ ([
  ["reasons", "Not mitosis, because"],
  ["phases", "Mitosis, in"],
]);
/** Of a judged item what its verdict can say; of others what this reader looked at last. @type {Record<string, Side>} */
const SIDE_OF = { mitosis: "phases", not_mitosis: "reasons" };

export class SayMore {
  /**
   * @param {string|number} me the choice of what is shown is this reader's own
   * @param {boolean} judges
   * @param {Handlers} handlers
   */
  constructor(me, judges, handlers) {
    this.name = `say-more.${me}`;
    this.side = /** @type {Side} */ (choice(this.name, "reasons"));
    /** The answer beside which the reader chose the other side. */
    this.chosenFor = "";
    this.shown = "";
    const chip = (/** @type {string} */ word, /** @type {string} */ key, /** @type {Record<string, unknown>} */ more) =>
      el("button", { type: "button", "aria-pressed": "false", disabled: !judges, ...more }, el("kbd", { text: key }), word);
    this.reasons = REASONS.map(({ reason, word, key }) =>
      chip(word, key, { "data-reason": reason, onclick: () => handlers.judge("not_mitosis", { reason }) }),
    );
    this.phases = PHASES.map(({ phase, word, key }) =>
      chip(word, key, { "data-phase": phase, onclick: () => handlers.judgePhase(phase) }),
    );
    this.atypical = chip(ATYPICAL.word, ATYPICAL.key, {
      "data-atypical": true,
      "data-tip": "Atypical mitosis; Shift with the key of a phase says both",
      onclick: () => handlers.markAtypical(),
    });
    this.heads = SIDES.map(([side, word]) =>
      el("button", { type: "button", "data-side": side, text: word, onclick: () => this.#turnTo(side) }),
    );
    this.groups = /** @type {Record<Side, HTMLElement>} */ ({
      reasons: el("div", { role: "group", "aria-label": "Reasons" }, ...this.reasons),
      phases: el("div", { role: "group", "aria-label": "Phases" }, ...this.phases, this.atypical),
    });
    this.element = el(
      "div",
      { class: "say-more" },
      el("div", { class: "heads" }, ...this.heads, judges && purposeSelect(handlers)),
      el("div", { class: "chips" }, this.groups.reasons, this.groups.phases),
    );
  }

  /** @param {Side} side */
  #turnTo(side) {
    this.side = side;
    this.chosenFor = this.shown;
    choose(this.name, side);
    this.#draw(side);
  }

  /** @param {import("./types.js").Item} item @param {Said|null} mine */
  update(item, mine) {
    this.shown = `${item.key} ${mine?.label ?? "open"}`;
    for (const button of this.reasons) press(button, mine?.label === "not_mitosis" && mine.reason === button.dataset.reason);
    for (const button of this.phases) press(button, mine?.label === "mitosis" && mine.phase === button.dataset.phase);
    press(this.atypical, mine?.label === "mitosis" && mine.atypical);
    const own = this.chosenFor === this.shown ? undefined : SIDE_OF[mine?.label ?? ""];
    this.#draw(own ?? this.side);
  }

  /** @param {Side} shown */
  #draw(shown) {
    for (const head of this.heads) press(head, head.dataset.side === shown);
    for (const [side] of SIDES) this.groups[side].classList.toggle("off", side !== shown);
  }
}

/** @param {HTMLElement} button @param {boolean} pressed */
const press = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));

/** @param {Handlers} handlers */
function purposeSelect({ purpose, setPurpose }) {
  const select = /** @type {HTMLSelectElement} */ (
    el(
      "select",
      {
        id: "purpose",
        "aria-label": "Verdicts are given to",
        "data-tip": PURPOSE_HELP,
        onchange: () => {
          setPurpose(/** @type {Purpose} */ (select.value));
          select.blur(); // so that the keys are the review's again
        },
      },
      ...PURPOSES.map(([value, text]) => el("option", { value, text })),
    )
  );
  select.value = purpose;
  return select;
}
