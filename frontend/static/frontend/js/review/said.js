/** One answer of a reader on an item, whatever it came from: the server's row, what waits in the outbox, a step of undo. */

/** @typedef {import("./types.js").Said} Said */

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
