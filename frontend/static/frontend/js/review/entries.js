/** What waits in the outbox, seen as verdicts. */

/** @typedef {import("./types.js").Sent} Sent */

/** The verdicts that an entry holds; none for a figure. @param {Sent} entry @returns {import("./types.js").VerdictBody[]} */
export function verdictsIn(entry) {
  if (entry.kind === "figure") return [];
  return entry.kind === "verdicts" ? entry.body.verdicts : [entry.body];
}

/** How many verdicts and figures these are. @param {Sent[]} entries */
export const countSaid = (entries) => entries.reduce((sum, entry) => sum + Math.max(1, verdictsIn(entry).length), 0);
