/** What waits in the outbox, seen as verdicts. */

/** @typedef {import("./types.js").Sent} Sent */

/** The verdicts that an entry holds; none for a figure, a comment and a look. @param {Sent} entry @returns {import("./types.js").VerdictBody[]} */
export function verdictsIn(entry) {
  if (entry.kind === "figure" || entry.kind === "comment" || entry.kind === "look") return [];
  return entry.kind === "verdicts" ? entry.body.verdicts : [entry.body];
}

/** What the verdicts or the comment of an entry are about. @param {Sent} entry @returns {{figure?: string, detection?: number|null}[]} */
export const targetsIn = (entry) => (entry.kind === "comment" ? [entry.body] : verdictsIn(entry));

/** How many verdicts, figures, comments and looks these are. @param {Sent[]} entries */
export const countSaid = (entries) => entries.reduce((sum, entry) => sum + Math.max(1, verdictsIn(entry).length), 0);
