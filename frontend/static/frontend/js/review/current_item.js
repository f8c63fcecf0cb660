/** Which item a reader is at, kept for the tab: over a reload, and on the way from the viewer to the gallery and back. */

import { tabStorage } from "../lib/storage.js";

/** @param {number|string} me @param {string} analysis */
const nameOf = (me, analysis) => `mitoweb.current.${me}.${analysis}`;

/** @param {number|string} me @param {string} analysis @param {string} key */
export const rememberItem = (me, analysis, key) => tabStorage.setItem(nameOf(me, analysis), key);

/** The one that a link named (`?item=`), when it has just been followed; else where the reader was. @param {number|string} me @param {string} analysis */
export function findItem(me, analysis) {
  const [entry] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  const linked = entry?.type === "navigate" ? new URLSearchParams(location.search).get("item") : null;
  return linked ?? tabStorage.getItem(nameOf(me, analysis));
}
