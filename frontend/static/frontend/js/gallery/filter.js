/** Which crops are wanted, in which order and size: its defaults, its words in the address, what it lets through. Pure. */

/**
 * @typedef {import("./facts.js").Facts} Facts
 * @typedef {"verdict"|"readers"|"where"|"reason"|"subtype"|"phase"} Group
 * @typedef {"s"|"m"|"l"} Size
 * @typedef {import("./sorts.js").Sort} Sort
 *
 * `null` of a group: everything. From and to are probabilities.
 * @typedef {Record<Group, Set<string>|null> & {from: number, to: number, sort: Sort, size: Size}} Filter
 */

/** @type {Group[]} */
export const GROUPS = ["verdict", "readers", "where", "reason", "subtype", "phase"];
/** Of these a box that is not ticked takes crops away; of the others one that is ticked asks for its own alone. */
export const TAKES_AWAY = new Set(["verdict", "where"]);
const USUAL_VERDICTS = ["open", "mitosis", "not_mitosis", "unsure"];
const NONE = "none";
const SIZES = ["s", "m", "l"];

/** @returns {Filter} what lies below the threshold is left out until it is asked for */
export function usualFilter() {
  const groups = { readers: null, where: null, reason: null, subtype: null, phase: null };
  return { verdict: new Set(USUAL_VERDICTS), ...groups, from: 0, to: 1, sort: "surest", size: "m" };
}

/**
 * From an address; what it does not name or what means nothing is as usual.
 * @param {string} query @param {readonly string[]} sorts @param {Partial<Filter>} [otherwise]
 * @returns {Filter}
 */
export function readFilter(query, sorts, otherwise = {}) {
  const fields = new URLSearchParams(query);
  const filter = { ...usualFilter(), ...otherwise };
  for (const group of GROUPS) {
    const said = fields.get(group);
    if (said === null || said === "") continue;
    filter[group] = said === "all" ? null : new Set(said.split(",").filter((name) => name !== NONE));
  }
  const [from, to] = (fields.get("p") ?? "").split("-").map(Number);
  if (from >= 0 && to <= 1 && from <= to) [filter.from, filter.to] = [from, to];
  const [sort, size] = [fields.get("sort") ?? "", fields.get("size") ?? ""];
  if (sorts.includes(sort)) filter.sort = /** @type {Sort} */ (sort);
  if (SIZES.includes(size)) filter.size = /** @type {Size} */ (size);
  return filter;
}

/** What differs from the usual, as fields of an address. @param {Filter} filter */
export function writeFilter(filter) {
  const usual = usualFilter();
  const fields = new URLSearchParams();
  for (const group of GROUPS) {
    const words = wordsOf(filter[group]);
    if (words !== wordsOf(usual[group])) fields.set(group, words);
  }
  if (filter.from > 0 || filter.to < 1) fields.set("p", `${+filter.from.toFixed(2)}-${+filter.to.toFixed(2)}`);
  if (filter.sort !== usual.sort) fields.set("sort", filter.sort);
  if (filter.size !== usual.size) fields.set("size", filter.size);
  return fields;
}

/** @param {Set<string>|null} chosen */
const wordsOf = (chosen) => (chosen === null ? "all" : chosen.size ? [...chosen].sort().join(",") : NONE);

/** The same order and size, everything else as usual. @param {Filter} filter @returns {Filter} */
export const clearFilter = ({ sort, size }) => ({ ...usualFilter(), sort, size });

/** Whether anything but the usual is filtered. @param {Filter} filter */
export const isFiltered = (filter) => `${writeFilter(filter)}` !== `${writeFilter(clearFilter(filter))}`;

/** @param {Filter} filter @param {Group} group @param {string} name */
export const isTicked = (filter, group, name) => filter[group]?.has(name) ?? TAKES_AWAY.has(group);

/**
 * The group after a press on one of its boxes.
 * @param {Filter} filter @param {Group} group @param {string} name @param {string[]} names all that the group has now
 * @returns {Filter}
 */
export function toggleBox(filter, group, name, names) {
  const chosen = new Set(filter[group] ?? (TAKES_AWAY.has(group) ? names : []));
  if (!chosen.delete(name)) chosen.add(name);
  const isEverything = TAKES_AWAY.has(group) ? names.every((one) => chosen.has(one)) : chosen.size === 0;
  return { ...filter, [group]: isEverything ? null : chosen };
}

/** @param {Filter} filter @param {Facts} facts */
function isInRange({ from, to }, { item: { probability } }) {
  if (probability === null) return from <= 0 && to >= 1; // added by hand: no probability to be asked for
  return probability >= from && probability <= to;
}

/**
 * What passes, and of each group how many there would be of each of its names, were that group open.
 * @param {Facts[]} all @param {Filter} filter
 * @returns {{shown: Facts[], counts: Record<Group, Map<string, number>>}}
 */
export function applyFilter(all, filter) {
  const counts = /** @type {Record<Group, Map<string, number>>} */ (Object.fromEntries(GROUPS.map((group) => [group, new Map()])));
  const shown = [];
  for (const facts of all) {
    if (!isInRange(filter, facts)) continue;
    const closed = GROUPS.filter((group) => filter[group] && !facts[group].some((name) => filter[group]?.has(name)));
    if (closed.length > 1) continue;
    if (!closed.length) shown.push(facts);
    for (const group of closed.length ? closed : GROUPS)
      for (const name of facts[group]) counts[group].set(name, (counts[group].get(name) ?? 0) + 1);
  }
  return { shown, counts };
}
