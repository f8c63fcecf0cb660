/** What a press of a verdict key will do to the chosen ones, in words, before it is pressed. Pure. */

import { reasonWord, wordOf } from "../review/labels.js";

/**
 * @typedef {import("../review/types.js").Label} Label
 * @typedef {{total: number, fresh: number, change: number, same: number}} Plan not judged by me yet, judged otherwise, judged so already
 */

/**
 * @param {({label: Label, reason: string}|null)[]} answers mine on each
 * @param {Label} label @param {string} [reason]
 * @returns {Plan}
 */
export function planPress(answers, label, reason = "") {
  const fresh = answers.filter((answer) => answer === null).length;
  const same = answers.filter((answer) => answer?.label === label && answer.reason === reason).length;
  return { total: answers.length, fresh, change: answers.length - fresh - same, same };
}

/** "12 → mitosis" @param {number} total @param {Label} label @param {string} [reason] */
export const namePress = (total, label, reason = "") => `${total} → ${wordOf(label)}${reason ? `, ${reasonWord(reason)}` : ""}`;

/** What follows, the warning first. @param {Plan} plan */
export function tellPress({ total, change, same }) {
  if (!total) return "nothing here to judge";
  if (same === total) return "already so, nothing changes";
  const parts = [change && `${change} already judged by you will change`, same && `${same} already so`].filter(Boolean);
  return parts.join(", ") || "none judged by you before";
}
