/** What a press of a verdict key will do to the chosen ones, in words, before it is pressed. Pure. */

import { wordsOf } from "../review/labels.js";

/**
 * @typedef {import("../review/types.js").Said} Said
 * @typedef {{total: number, change: number, same: number}} Plan all; judged otherwise by me, or judged so already
 */

/**
 * @param {number} total @param {{before: Said}[]} changes of them, as `Actions.planAll` has them
 * @returns {Plan}
 */
export function planPress(total, changes) {
  const change = changes.filter(({ before }) => before.label !== "withdrawn").length;
  return { total, change, same: total - changes.length };
}

/** "12 → mitosis", "3 → not mitosis, crush" @param {number} total @param {Partial<Said>} said */
export const namePress = (total, said) => `${total} → ${wordsOf(said)}`;

/** What follows, the warning first. @param {Plan} plan */
export function tellPress({ total, change, same }) {
  if (!total) return "nothing here to judge";
  if (same === total) return "already so, nothing changes";
  const parts = [change && `${change} already judged by you will change`, same && `${same} already so`].filter(Boolean);
  return parts.join(", ") || "none judged by you before";
}
