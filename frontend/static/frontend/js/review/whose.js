/** Whose count is shown, and who has judged: in words, for one who judges and for one who only looks on. Knows no page. */

/**
 * @typedef {import("./types.js").Reader} Reader
 * @typedef {Reader & {reads: boolean}} Me `reads`: to judge is this person's part
 * @typedef {Pick<import("./count.js").Count, "reader"|"readers"|"nobody_judged">} Counted
 */

/**
 * The counts there are to choose from. One's own is there for who reads, before the first verdict too.
 * @param {Counted} count @param {Me} me
 * @returns {{id: number|string, text: string}[]}
 */
export function listCounts(count, me) {
  const told = count.readers.filter(
    ({ reader, judged }) => judged > 0 || (reader.id === me.id ? me.reads : reader.id === count.reader.id),
  );
  const options = told.map(({ reader, confirmed }) => ({
    id: reader.id,
    text: `${reader.id === me.id ? "your count" : reader.username}, ${confirmed}`,
  }));
  const isMissing = me.reads && !told.some(({ reader }) => reader.id === me.id);
  return isMissing ? [{ id: me.id, text: "your count" }, ...options] : options;
}

/** Where there is no choice. @param {Counted} count @param {Me} me */
export function nameCount({ reader, nobody_judged: nobodyJudged }, me) {
  if (reader.id !== me.id) return `${reader.username}'s count`;
  return nobodyJudged && !me.reads ? "the model's calls" : "your count";
}

/**
 * Of a region in which the reader shown has judged nothing: who has.
 * @param {Counted} count @param {Me} me
 */
export function sayWhoJudged({ reader, readers, nobody_judged: nobodyJudged }, me) {
  if (nobodyJudged) return "Nobody has judged yet";
  const others = readers.filter(({ judged }) => judged > 0);
  if (!others.length) return "Nobody has judged in this region yet";
  const named = others.map((one) => `${one.reader.id === me.id ? "you have" : `${one.reader.username} has`} judged ${one.judged}`);
  return `${reader.id === me.id ? "You have" : `${reader.username} has`} judged nothing here yet, ${named.join(", ")}`;
}
