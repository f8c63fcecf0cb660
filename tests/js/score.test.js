import assert from "node:assert/strict";
import { test } from "node:test";
import { boxesOf, findTop, fitName, sayRuler, stepsPerNumber } from "../../frontend/static/frontend/js/review/count_ruler.js";
import { holds, outlinesOf } from "../../frontend/static/frontend/js/review/counted_region.js";
import { effectsOf, listWindows } from "../../frontend/static/frontend/js/review/counted_view.js";
import { listOffered } from "../../frontend/static/frontend/js/review/protocol_menu.js";
import { listChoices } from "../../frontend/static/frontend/js/review/region_bar.js";
import {
  describeDecision,
  hasLongScores,
  nameRegion,
  nameRegionShort,
  nameScore,
  sayCutoffs,
  sayDistances,
  sayScores,
  sayWhatFollows,
  scoreOf,
} from "../../frontend/static/frontend/js/review/score.js";

const CUTOFFS = [
  { score: "1", from: 0 },
  { score: "2", from: 8 },
  { score: "3", from: 15 },
];
/** @type {[number, number][]} */
const SQUARE = [
  [0, 0],
  [100, 0],
  [100, 100],
  [0, 100],
];

/** Eight confirmed and five open in region 1, of a protocol with scores. @param {Record<string, unknown>} [more] @returns {import("../../frontend/static/frontend/js/review/count.js").Count} */
const count = (more = {}) =>
  /** @type {any} */ ({
    region: { kind: "best", rank: 1, name: "", polygon: SQUARE, fields_l0: null },
    looked_in: { where: "tissue" },
    protocol: { cutoffs: CUTOFFS, field_um: null },
    confirmed: 8,
    provisional: 13,
    open: 5,
    score: "2",
    score_low: "2",
    score_high: "2",
    to_next_score: 7,
    to_previous_score: 1,
    decided: false,
    verdicts_to_go: 3,
    most_elsewhere: 14,
    regions: [],
    rival: null,
    next: [],
    guards: [],
    mpp_x: 1,
    mpp_y: 1,
    ...more,
  });
const PLAIN = { protocol: { cutoffs: [], field_um: null }, score: null, decided: null };
const BLOCKING = [{ code: "sheet", sentence: "A sheet is no tissue.", blocks: true }];

test("a score is that of the last cut-off reached, and is named unless it is a range of counts itself", () => {
  assert.deepEqual(
    [0, 7, 8, 14, 15, 400].map((figures) => scoreOf(figures, CUTOFFS)),
    ["1", "1", "2", "2", "3", "3"],
  );
  assert.equal(scoreOf(9, []), null);
  assert.equal(nameScore("2"), "score 2");
  assert.equal(nameScore("20 or more"), "20 or more");
  assert.equal(sayCutoffs(CUTOFFS), "score 1 up to 7, score 2 from 8, score 3 from 15");
  const named = [
    { score: "0-20", from: 0 },
    { score: "more than 20", from: 21 },
  ];
  assert.equal(sayCutoffs(named), "0-20, more than 20");
  assert.equal(sayCutoffs([named[0], { score: "7 or more", from: 8 }]), "0-20 up to 7, 7 or more from 8");
  assert.equal(sayCutoffs([]), "no score");
});

test("scores and distances are told in words", () => {
  assert.equal(sayScores(count()), "score 2");
  assert.equal(sayScores(count({ score_low: "1" })), "score 1 or 2");
  assert.equal(sayScores(count({ score_low: "1", score_high: "3" })), "score 1 to 3");
  assert.equal(sayDistances(count()), "7 more make score 3, 1 fewer makes score 1");
  assert.equal(sayDistances(count({ confirmed: 15, to_next_score: null, to_previous_score: 1 })), "1 fewer makes score 2");
});

test("the decision is a state with its sentence", () => {
  const said = (/** @type {Record<string, unknown>} */ more, open = 87) => {
    const { state, lead, text } = describeDecision(count(more), open);
    return `${state}: ${lead} ${text}`;
  };
  assert.equal(said({ decided: true }), "decided: Decided. None of the 87 open can change the score.");
  assert.equal(said({ decided: true }, 1), "decided: Decided. The one that is open cannot change the score.");
  assert.equal(said({ decided: true }, 0), "decided: Decided. Nothing is open.");
  assert.equal(said({}), "open: 3 verdicts to go. 8 to 13 in region 1, up to 14 elsewhere.");
  assert.equal(said({ verdicts_to_go: 1, most_elsewhere: 9 }), "open: 1 verdict to go. 8 to 13 in region 1.");
  assert.equal(said({ guards: BLOCKING, decided: null }), "blocked: No score. A sheet is no tissue.");
  assert.equal(said({ decided: null }), "unknown:  Not known whether it is decided: 8 to 13 in the region.");
  assert.equal(describeDecision(count({ guards: BLOCKING }), 0).short, "The strip below says why.");
  assert.equal(describeDecision(count(), 0).short, "8 to 13 in region 1.");
  assert.equal(said(PLAIN), "plain:  5 places open: 8 to 13 in the region.");
});

test("a verdict says what it makes of the count, and that the score changes", () => {
  const follows = (/** @type {Record<string, unknown>} */ more, /** @type {any} */ verdict) =>
    Object.values(sayWhatFollows(count(more), { isInside: true, isMitosis: false, label: "mitosis", ...verdict }));
  assert.deepEqual(follows({}, {}), [9, "score 2", false]);
  assert.deepEqual(follows({ confirmed: 14 }, {}), [15, "score 3", true]);
  assert.deepEqual(follows({}, { label: "not_mitosis" }), [8, "score 2", false]);
  assert.deepEqual(follows({}, { label: "not_mitosis", isMitosis: true }), [7, "score 1", true]);
  assert.deepEqual(follows({}, { isMitosis: true }), [8, "score 2", false]);
  assert.deepEqual(follows({}, { isInside: false }), [null, "outside", false]);
  assert.deepEqual(follows({}, { label: "unsure" }), [null, "stays open", false]);
  assert.deepEqual(follows(PLAIN, {}), [9, "", false]);
  assert.deepEqual(follows(PLAIN, { label: "unsure" }), [null, "not counted", false]);
});

test("the ruler has room for the last score, its boxes meet between two whole counts, and its words say all of it", () => {
  const shown = { dot: 8, upTo: 13, low: 3.46, high: 15.76, elsewhere: 14, cutoffs: CUTOFFS, score: "2", decided: true };
  assert.equal(findTop(shown), 20);
  assert.equal(findTop({ ...shown, cutoffs: [] }), 30);
  assert.equal(findTop({ ...shown, cutoffs: [CUTOFFS[0], { score: "2", from: 40 }] }), 60);
  assert.equal(findTop({ ...shown, elsewhere: 61 }), 100);
  assert.deepEqual(
    boxesOf(CUTOFFS, 30).map(({ from, to }) => [from, to]),
    [
      [0, 7.5],
      [7.5, 14.5],
      [14.5, 30],
    ],
  );
  assert.equal(
    sayRuler(shown),
    "8 confirmed, up to 13 with all open ones; 95 %: 3.5 to 15.8; at most 14 elsewhere; " +
      "score 1 up to 7, score 2 from 8, score 3 from 15; score 2, decided",
  );
  assert.equal(sayRuler({ ...shown, low: null, high: null, cutoffs: [], score: null }), "8 confirmed, up to 13 with all open ones");
});

test("a field is round on the glass where pixels are not square, and gaps between fields hold nothing", () => {
  const scale = /** @type {any} */ ({ protocol: { field_um: 100 }, mpp_x: 0.5, mpp_y: 1 });
  const fields = { polygon: SQUARE, fields_l0: /** @type {[number, number][]} */ ([[500, 500]]) };
  assert.equal(holds(fields, scale, 599, 500), true);
  assert.equal(holds(fields, scale, 500, 549), true);
  assert.equal(holds(fields, scale, 500, 551), false);
  assert.equal(holds(fields, scale, 50, 50), false); // in its outline alone
  const [ring] = outlinesOf(fields, scale);
  assert.deepEqual([Math.max(...ring.map(([x]) => x)), Math.max(...ring.map(([, y]) => y))], [600, 550]);
  assert.deepEqual(outlinesOf({ polygon: SQUARE, fields_l0: null }, scale), [SQUARE]);
  assert.equal(holds({ polygon: null }, scale, 1e6, 1e6), true);
});

test("rows of the queue say in which windows an item lies; effects are there where a score can change", () => {
  const rival = { polygon: SQUARE.map(([x, y]) => [x + 50, y]), fields_l0: null, most: 14 };
  const named = (/** @type {any} */ of, /** @type {number} */ x) =>
    listWindows(of)
      .filter((window) => window.holds(x, 50))
      .map(({ name }) => name);
  assert.deepEqual(named(count({ rival }), 75), ["1", "rival"]);
  assert.deepEqual(named(count({ rival }), 120), ["rival"]);
  assert.deepEqual(named(count({ ...PLAIN, rival }), 75), ["in the region"]);
  const next = [
    { detection: 7, figure: null, effect: 1 },
    { detection: null, figure: "u", effect: 0.2 },
  ];
  assert.deepEqual(
    [...(effectsOf(count({ next })) ?? [])],
    [
      ["d7", 1],
      ["fu", 0.2],
    ],
  );
  assert.equal(effectsOf(count({ ...PLAIN, next })), null);
  assert.equal(effectsOf(count({ guards: BLOCKING, next })), null);
});

test("regions are told with their ranges, the whole and drawn ones once they are chosen", () => {
  const regions = [
    { rank: 1, confirmed: 8, provisional: 13, exact: false, bound: 14 },
    { rank: 2, confirmed: 3, provisional: 3, exact: true, bound: null },
  ];
  const parts = { regions: [{ id: "u", name: "Region 1, moved" }], sheet: false };
  const told = (/** @type {string} */ now) =>
    listChoices(count({ regions }), now, parts).map(({ where, name, range }) => `${where}=${name}:${range}`);
  assert.deepEqual(told("best"), ["best=1:8 to 13", "2=2:3", "whole=Whole:", "u=Region 1, moved:"]);
  const [best, second] = listChoices(count({ regions }), "best", parts);
  assert.deepEqual([best.words, second.words], ["Region 1, best found, bound 14", "Region 2"]);
  assert.deepEqual(told("u").slice(2), ["whole=Whole:", "u=Region 1, moved:8 to 13"]);
  assert.equal(listChoices(count({ regions }), "best", { ...parts, sheet: true }).length, 1);
});

test("a case is offered the newest version of each protocol that is on", () => {
  const version = (/** @type {string} */ name, /** @type {number} */ number, on = true) =>
    /** @type {any} */ ({ name, version: number, on });
  const versions = [version("plain", 1), version("a", 3, false), version("a", 2), version("a", 1), version("b", 1, false)];
  assert.deepEqual(
    listOffered(versions).map(({ name, version: number }) => `${name} ${number}`),
    ["plain 1", "a 2"],
  );
});

test("all of a drawn tumour is told as such, and holds what lies in its parts and not in its holes", () => {
  const hole = SQUARE.map(([x, y]) => [40 + x / 5, 40 + y / 5]);
  const part = SQUARE.map(([x, y]) => [200 + x, y]);
  const region = { kind: "whole", rank: null, name: "", polygon: SQUARE, further_rings: [hole, part], fields_l0: null };
  const tumour = count({ region, looked_in: { where: "tumour" } });
  assert.equal(nameRegion(tumour), "all of the drawn tumour");
  assert.equal(nameRegion(count({ region })), "all that was analysed");
  assert.equal(nameRegionShort(tumour), "the tumour");
  const drawn = count({ region: { ...region, kind: "drawn", name: "Lower centre, beside the fold" } });
  assert.deepEqual([nameRegion(drawn), nameRegionShort(drawn)], ["Lower centre, beside the fold", "the region"]);
  const held = [10, 50, 150, 250].map((x) => holds(tumour.region, tumour, x, 50));
  assert.deepEqual(held, [true, false, false, true]);
  assert.equal(outlinesOf(tumour.region, tumour).length, 3);
  const nothing = count({ region: { ...region, polygon: [], further_rings: [] } });
  assert.deepEqual([holds(nothing.region, nothing, 50, 50), outlinesOf(nothing.region, nothing)], [false, []]);
});

test("numbers of the ruler stand apart: where there is little room every second or third is written", () => {
  assert.deepEqual(
    [
      [60, 10, 500],
      [60, 10, 96],
      [60, 10, 50],
      [100, 20, 96],
      [5000, 1000, 96],
      [30, 5, 0],
    ].map(([top, step, px]) => stepsPerNumber(top, step, px)),
    [1, 2, 3, 5, 5, 1],
  );
});

test("a box of the ruler holds as much of a score's name as it has room for, and long names ask for two lines", () => {
  assert.deepEqual(
    [100, 40, 10].map((room_px) => fitName("2", room_px)),
    ["score 2", "2", ""],
  );
  assert.deepEqual(
    [200, 60, 20].map((room_px) => fitName(">20 per 2 mm²", room_px)),
    [">20 per 2 mm²", ">20 per…", ""],
  );
  assert.equal(hasLongScores(CUTOFFS), false);
  assert.equal(hasLongScores([{ score: "0-5", from: 0 }]), false);
  assert.equal(hasLongScores([{ score: ">20 per 2 mm²", from: 0 }]), true);
  assert.equal(hasLongScores([]), false);
});
