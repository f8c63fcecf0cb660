/** What can be asked of each crop: whose verdicts, who differs, where it lies, what the model hints. Knows no page. */

import { agreement } from "../review/store.js";
/**
 * @typedef {import("../review/types.js").Item} Item
 * @typedef {import("../review/store.js").ReviewStore} ReviewStore
 * @typedef {import("./places.js").Place} Place
 * @typedef {{subtype: string, phase: string}} Hint
 *
 * `verdict`: mine, or for one who does not judge all that the readers gave; "open" or "below" where there is none.
 * `said`: the answers behind it. `phase` is hinted, not said.
 * @typedef {{item: Item, said: import("../review/types.js").Said[], verdict: string[], readers: string[], where: string[], reason: string[], subtype: string[], phase: string[]}} Facts
 */

/** Where nothing of the regions lies. */
export const REST = "rest";
const DECISIVE = new Set(["mitosis", "not_mitosis"]);

/**
 * @param {Item} item
 * @param {ReviewStore} store
 * @param {{places: Place[], hint: Hint|undefined}} known
 * @returns {Facts}
 */
export function factsOf(item, store, { places, hint }) {
  const mine = store.mine(item.key);
  const others = store.others(item.key);
  const seen = store.judges ? [mine].filter((answer) => answer !== null) : others;
  const labels = [...new Set(seen.map(({ label }) => /** @type {string} */ (label)))];
  const decisive = [mine?.label ?? "", ...others.map(({ label }) => label)].filter((label) => DECISIVE.has(label));
  const readers = [
    new Set(decisive).size > 1 && "differ",
    labels.some((label) => agreement(item, label) === "disagree") && "model",
    item.kind === "figure" && "by_hand",
  ].filter((name) => name !== false);
  const where = places.filter(({ holds }) => holds(item.x_l0, item.y_l0)).map(({ id }) => id);
  return {
    item,
    said: seen,
    verdict: labels.length ? labels : [store.isAsked(item) ? "open" : "below"],
    readers,
    where: where.length ? where : [REST],
    reason: [...new Set(seen.map(({ reason }) => reason).filter(Boolean))],
    subtype: hint ? [hint.subtype] : [],
    phase: hint ? [hint.phase] : [],
  };
}

/** Of all items that anybody holds. @param {ReviewStore} store @param {{places: Place[], hints: Map<string, Hint>}} known */
export function listFacts(store, { places, hints }) {
  const items = [...store.items.values()].filter((item) => store.stateOf(item) !== "gone");
  return items.map((item) => factsOf(item, store, { places, hint: hints.get(item.key) }));
}
