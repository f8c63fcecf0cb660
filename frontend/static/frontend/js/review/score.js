/** What a count says of its score and of what can still change it, in words. Knows no page. */

import { plural } from "../lib/format.js";

/**
 * @typedef {import("./count.js").Count} Count
 * @typedef {import("./count.js").Cutoff} Cutoff
 * @typedef {import("./types.js").Label} Label
 * @typedef {{state: "plain"|"blocked"|"unknown"|"decided"|"open", lead: string, text: string, short: string}} Decision short: for one line beside the verdicts
 * @typedef {{figures: number|null, said: string, changes: boolean}} Following what a verdict makes of the count
 */

/** Scores are numbers, or ranges of counts, which speak for themselves. @param {string} score */
export const nameScore = (score) => (/^\d+$/.test(score) ? `score ${score}` : score);

const SHORT_NAME = 9; // letters that a verdict button holds on a line beside the count
/** Whether a protocol names its scores by more than a verdict button holds on one line. @param {Cutoff[]} cutoffs */
export const hasLongScores = (cutoffs) => cutoffs.some(({ score }) => nameScore(score).length > SHORT_NAME);

/** @param {number} low @param {number} high */
export const sayRange = (low, high) => (low === high ? String(low) : `${low} to ${high}`);

/** @param {number} figures @param {Cutoff[]} cutoffs rising @returns {string|null} null without cut-offs */
export const scoreOf = (figures, cutoffs) => cutoffs.findLast(({ from }) => figures >= from)?.score ?? null;

/** The guard that keeps the score back. @param {Pick<Count, "guards">} count */
export const findBlocking = ({ guards }) => guards.find(({ blocks }) => blocks) ?? null;

/**
 * Which counts have which score: "score 1 up to 7, score 2 from 8, score 3 from 15". A score that is named by its counts,
 * as "0-6" or "7 or more", says them already.
 * @param {Cutoff[]} cutoffs
 */
export function sayCutoffs(cutoffs) {
  if (cutoffs.length < 2) return "no score";
  const said = cutoffs.map(({ score, from }, at) => {
    const next = cutoffs[at + 1]?.from;
    if (namesCounts(score, next === undefined ? `at least ${from}` : `${from} to ${next - 1}`)) return score;
    return at ? `${nameScore(score)} from ${from}` : `${nameScore(score)} up to ${next - 1}`;
  });
  return said.join(", ");
}

/** As `protocol_facts._names` has it. @param {string} score @param {string} counts */
function namesCounts(score, counts) {
  const words = score
    .replace(/\s*[-–]\s*/, " to ")
    .replace(/(\d+) or more/, "at least $1")
    .replace(/more than (\d+)/, (_, number) => `at least ${Number(number) + 1}`);
  return words === counts;
}

/** What the told region can still have: "score 2", "score 1 or 2", "score 1 to 3". @param {Pick<Count, "score_low"|"score_high"|"protocol">} count */
export function sayScores({ score_low: low, score_high: high, protocol }) {
  if (low === null || high === null) return "No score";
  if (low === high) return nameScore(low);
  const at = (/** @type {string} */ score) => protocol.cutoffs.findIndex((cutoff) => cutoff.score === score);
  return `${nameScore(low)} ${at(high) - at(low) === 1 ? "or" : "to"} ${high}`;
}

/** How far the next and the previous score are. @param {Pick<Count, "confirmed"|"to_next_score"|"to_previous_score"|"protocol">} count */
export function sayDistances({ confirmed, to_next_score: more, to_previous_score: fewer, protocol }) {
  const [first, ...rest] = [
    more !== null &&
      `${more} more ${more === 1 ? "makes" : "make"} ${nameScore(scoreOf(confirmed + more, protocol.cutoffs) ?? "")}`,
    fewer !== null &&
      `${fewer} fewer ${fewer === 1 ? "makes" : "make"} ${nameScore(scoreOf(confirmed - fewer, protocol.cutoffs) ?? "")}`,
  ].filter((words) => words !== false);
  return first ? [first, ...rest].join(", ") : "";
}

/**
 * Whether enough is judged.
 * @param {Count} count @param {number} open what the reader has not judged, wherever it lies
 * @returns {Decision}
 */
export function describeDecision(count, open) {
  const range = `${sayRange(count.confirmed, count.provisional)} in the region`;
  if (!count.protocol.cutoffs.length)
    return tell("plain", "", count.open ? `${plural(count.open, "place")} open: ${range}.` : "Nothing open in the region.");
  const blocking = findBlocking(count);
  if (blocking) return tell("blocked", "No score.", blocking.sentence, "The strip below says why.");
  if (count.decided) return tell("decided", "Decided.", sayNothingChanges(open));
  if (count.decided === null) return tell("unknown", "", `Not known whether it is decided: ${range}.`);
  const toGo = count.verdicts_to_go;
  const lead = toGo ? `${plural(toGo, "verdict")} to go.` : "Not decided.";
  return tell("open", lead, sayOutlook(count), `${sayRange(count.confirmed, count.provisional)} in ${nameRegionShort(count)}.`);
}

/** @param {Decision["state"]} state @param {string} lead @param {string} text @returns {Decision} */
const tell = (state, lead, text, short = text) => ({ state, lead, text, short });

/** @param {number} open */
function sayNothingChanges(open) {
  if (!open) return "Nothing is open.";
  return open === 1 ? "The one that is open cannot change the score." : `None of the ${open} open can change the score.`;
}

/** What is still possible: "8 to 13 in region 1, up to 14 elsewhere". @param {Count} count */
function sayOutlook(count) {
  const here = `${sayRange(count.confirmed, count.provisional)} in ${nameRegion(count)}`;
  const { most_elsewhere: most } = count;
  return most !== null && most > count.provisional ? `${here}, up to ${most} elsewhere.` : `${here}.`;
}

/** What is known where a search could not look everywhere; empty where it did. @param {{exact: boolean, bound: number|null}} region */
export const sayExact = ({ exact, bound }) => (exact ? "" : `best found${bound === null ? "" : `, bound ${Math.floor(bound)}`}`);

/** What a verdict makes of the count where its place lies in no counted region. */
export const OUTSIDE = "outside";

/** The told region within a sentence. @param {Pick<Count, "region"|"looked_in">} count */
export function nameRegion({ region, looked_in }) {
  if (region.rank !== null) return `region ${region.rank}`;
  if (region.kind === "drawn") return region.name;
  return looked_in.where === "tumour" ? "all of the drawn tumour" : "all that was analysed";
}

/** The same where there is room for few letters; which drawn region it is stands elsewhere. @param {Pick<Count, "region"|"looked_in">} count */
export function nameRegionShort({ region, looked_in }) {
  if (region.rank !== null) return `region ${region.rank}`;
  if (region.kind === "drawn") return "the region";
  return looked_in.where === "tumour" ? "the tumour" : "all";
}

/**
 * @param {Count} count
 * @param {{isInside: boolean, isMitosis: boolean, label: Label}} verdict isInside: in the told region; isMitosis: it is one in this count already
 * @returns {Following}
 */
export function sayWhatFollows(count, { isInside, isMitosis, label }) {
  const { confirmed, score } = count;
  if (label === "unsure") return { figures: null, said: score === null ? "not counted" : "stays open", changes: false };
  if (!isInside) return { figures: null, said: OUTSIDE, changes: false };
  const then = confirmed - Number(isMitosis) + Number(label === "mitosis");
  const later = score === null ? null : scoreOf(then, count.protocol.cutoffs);
  return { figures: then, said: later === null ? "" : nameScore(later), changes: later !== score };
}
