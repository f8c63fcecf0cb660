/** One answer of a reader on an item, whatever it came from: the server's row, what waits in the outbox, a step of undo. Pure. */

/**
 * @typedef {import("./types.js").Said} Said
 * @typedef {Partial<Omit<Said, "label">>} More what a press says beside its label
 * @typedef {More | ((before: Said) => More)} Saying the same of every item, or of each by what was said of it before
 */

/** @type {Said} */
export const NOTHING = { label: "withdrawn", reason: "", comment: "", phase: "", atypical: false, purpose: "validate" };

/** Its parts and nothing else; what an older page or server left out is as if nothing had been said of it. @param {Partial<Said>} row @returns {Said} */
export function saidOf({ label, reason, comment, phase, atypical, purpose }) {
  return {
    label: label ?? NOTHING.label,
    reason: reason ?? "",
    comment: comment ?? "",
    phase: phase ?? "",
    atypical: atypical ?? false,
    purpose: purpose ?? "validate",
  };
}

/** @param {Partial<Said>} one @param {Partial<Said>} other */
export const saysSame = (one, other) => JSON.stringify(saidOf(one)) === JSON.stringify(saidOf(other));

/** A mitosis in a phase; what was called atypical stays so. @param {Said["phase"]} phase @param {boolean} [atypical] @returns {(before: Said) => More} */
export const sayPhase =
  (phase, atypical = false) =>
  (before) => ({ phase, atypical: atypical || before.atypical });

/** Atypical, each in the phase that it has; where all are so already, none is any more. @param {(Said|null)[]} answers @returns {(before: Said) => More} */
export function turnAtypical(answers) {
  const atypical = !answers.every((answer) => answer?.atypical);
  return ({ phase }) => ({ phase, atypical });
}
