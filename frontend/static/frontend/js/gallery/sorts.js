/** In which order crops stand. Pure: the same facts give the same order. */

import { placeRank, sortByRank } from "../review/order.js";

/**
 * @typedef {import("./facts.js").Facts} Facts
 * @typedef {"surest"|"least"|"nearest"|"verdict"|"differ"|"reason"|"where"|"subtype"|"place"} Sort
 */

/** @type {[Sort, string][]} */
export const SORTS = [
  ["surest", "Probability, high first"],
  ["least", "Probability, low first"],
  ["nearest", "Nearest the threshold"],
  ["verdict", "Verdict, open first"],
  ["differ", "Disagreement first"],
  ["reason", "Reason"],
  ["where", "Region"],
  ["subtype", "Type hint, atypical first"],
  ["place", "From top to bottom"],
];

const VERDICTS = ["open", "mitosis", "unsure", "not_mitosis", "below"];
const LAST = 1e9;

/**
 * @param {Facts[]} shown
 * @param {Sort} sort
 * @param {{threshold: number, reasons: string[], places: string[]}} by the reasons and places in their own orders
 * @returns {Facts[]}
 */
export function sortFacts(shown, sort, { threshold, reasons, places }) {
  const byKey = new Map(shown.map((facts) => [facts.item.key, facts]));
  const at = (/** @type {string[]} */ order, /** @type {string[]} */ names) => {
    const found = names.map((name) => order.indexOf(name)).filter((index) => index >= 0);
    return found.length ? Math.min(...found) : LAST;
  };
  /** @type {Record<Sort, (facts: Facts) => number[]>} */
  const ranks = {
    surest: () => [],
    least: ({ item }) => [item.probability ?? LAST],
    nearest: ({ item }) => [item.probability === null ? LAST : Math.abs(item.probability - threshold)],
    verdict: ({ verdict }) => [at(VERDICTS, verdict)],
    differ: ({ readers }) => [readers.includes("differ") ? 0 : readers.includes("model") ? 1 : 2],
    reason: ({ reason }) => [at(reasons, reason)],
    where: ({ where }) => [at(places, where)],
    subtype: ({ subtype }) => [at(["atypical", "normal"], subtype)],
    place: ({ item }) => placeRank(item),
  };
  const ranked = sortByRank(
    shown.map(({ item }) => item),
    // Equal ones by probability; what has none, since it was added by hand, comes last.
    (item) => [...ranks[sort](/** @type {Facts} */ (byKey.get(item.key))), -(item.probability ?? -1)],
  );
  return ranked.map(({ key }) => /** @type {Facts} */ (byKey.get(key)));
}
