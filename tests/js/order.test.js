import assert from "node:assert/strict";
import { test } from "node:test";
import { neighbour, sorted } from "../../frontend/static/frontend/js/review/order.js";
import { Review } from "../../frontend/static/frontend/js/review/review.js";
import { ReviewStore } from "../../frontend/static/frontend/js/review/store.js";
import { changes, detection, item, ME, verdict } from "./makers.js";

const isInside = (/** @type {{x_l0: number, y_l0: number}} */ { x_l0, y_l0 }) => x_l0 < 100 && y_l0 < 100;
const BY = { isInside, threshold: 0.5, effects: new Map(), passed: new Set() };

/** @param {import("../../frontend/static/frontend/js/review/types.js").Item[]} items */
const keys = (items) => items.map(({ key }) => key).join(" ");

test("what lies in the region comes first, the surest of it before all", () => {
  const items = [
    item({ key: "sure-outside", x_l0: 500, probability: 0.99 }),
    item({ key: "unsure-inside", x_l0: 50, y_l0: 50, probability: 0.6 }),
    item({ key: "sure-inside", x_l0: 20, y_l0: 20, probability: 0.9 }),
  ];
  assert.equal(keys(sorted(items, "region", BY)), "sure-inside unsure-inside sure-outside");
  assert.equal(keys(sorted(items, "surest", BY)), "sure-outside sure-inside unsure-inside");
});

test("without a region the order by region is the order by probability", () => {
  const items = [item({ key: "less", probability: 0.6 }), item({ key: "more", probability: 0.9 })];
  assert.equal(keys(sorted(items, "region", { ...BY, isInside: () => false })), "more less");
});

test("a figure that a reader added counts as sure", () => {
  const items = [item({ key: "called", probability: 0.95 }), item({ key: "added", kind: "figure", probability: null })];
  assert.equal(keys(sorted(items, "surest", BY)), "added called");
});

test("nearest the threshold takes both sides of it", () => {
  const items = [0.9, 0.45, 0.52, 0.1].map((probability) => item({ key: String(probability), probability }));
  assert.equal(keys(sorted(items, "nearest", BY)), "0.52 0.45 0.9 0.1");
});

test("from top to bottom goes to and fro in bands, so that the eye does not jump across the slide", () => {
  const items = [
    item({ key: "lower-left", x_l0: 0, y_l0: 2500 }),
    item({ key: "upper-right", x_l0: 900, y_l0: 10 }),
    item({ key: "upper-left", x_l0: 0, y_l0: 1900 }),
    item({ key: "lower-right", x_l0: 900, y_l0: 3000 }),
  ];
  assert.equal(keys(sorted(items, "place", BY)), "upper-left upper-right lower-right lower-left");
});

test("equal ones are ordered by their place, whatever order they came in", () => {
  const items = [item({ key: "b", y_l0: 20 }), item({ key: "a", y_l0: 10 })];
  assert.equal(keys(sorted(items, "surest", BY)), "a b");
  assert.equal(keys(sorted(items.toReversed(), "surest", BY)), "a b");
});

test("what changes the score most comes first, then the surest; what was left unanswered comes last", () => {
  const items = [0.9, 0.8, 0.7, 0.6].map((probability) => item({ key: String(probability), probability }));
  const effects = new Map([
    ["0.6", 1],
    ["0.7", 0.4],
  ]);
  assert.equal(keys(sorted(items, "effect", { ...BY, effects })), "0.6 0.7 0.9 0.8");
  assert.equal(keys(sorted(items, "effect", { ...BY, effects, passed: new Set(["0.6", "0.9"]) })), "0.7 0.8 0.6 0.9");
});

test("sorting leaves the list it was given as it is", () => {
  const items = [item({ key: "a", probability: 0.1 }), item({ key: "b", probability: 0.9 })];
  sorted(items, "surest", BY);
  assert.equal(keys(items), "a b");
});

const LIST = ["a", "b", "c", "d"].map((key) => item({ key }));

test("the next one is the next that is wanted, round to the start", () => {
  assert.equal(neighbour(LIST, "b", ({ key }) => key !== "c", 1)?.key, "d");
  assert.equal(neighbour(LIST, "d", () => true, 1)?.key, "a");
  assert.equal(neighbour(LIST, "a", () => true, -1)?.key, "d");
});

test("without a current one it begins at the end it comes from", () => {
  assert.equal(neighbour(LIST, null, () => true, 1)?.key, "a");
  assert.equal(neighbour(LIST, "gone", () => true, -1)?.key, "d");
});

test("there is no next one when only the current is wanted, or nothing is there", () => {
  assert.equal(
    neighbour(LIST, "b", ({ key }) => key === "b", 1),
    null,
  );
  assert.equal(
    neighbour([], null, () => true, 1),
    null,
  );
});

/** A queue of four by effect, as the first count orders it: 3, then 4, then by probability 1 and 2. */
function queueByEffect() {
  const store = new ReviewStore(ME, true);
  const detections = [0.9, 0.8, 0.7, 0.6].map((probability, at) => detection({ id: at + 1, probability }));
  const review = new Review(store);
  store.apply(changes({ detections }));
  review.setCounted([], "", effects([3, 1], [4, 0.5]));
  return { store, review };
}
/** @param {[number, number][]} pairs */
const effects = (...pairs) => new Map(pairs.map(([id, effect]) => [`d${id}`, effect]));
/** @param {ReviewStore} store @param {number} id */
const judge = (store, id) => store.applyAnswer({ verdict: verdict({ detection: id, reader: ME, revision: 9, id: `v${id}` }) });

test("a protocol with scores orders the queue by effect, one without by region, and what the reader chose stands", () => {
  const { review } = queueByEffect();
  assert.equal(review.order, "effect");
  assert.equal(review.current, "d3"); // nobody has begun: the first
  review.setCounted([], "", null);
  assert.equal(review.order, "region");
  review.setCounted([], "", effects([2, 1]));
  review.sortBy("place");
  assert.equal(review.order, "place");
  review.sortBy("effect");
  review.setCounted([], "", null);
  assert.equal(review.order, "region"); // there is no score that could change
});

test("a new count orders the others anew and leaves the current one where the reader is", () => {
  const { store, review } = queueByEffect();
  review.choose("d3");
  judge(store, 3);
  review.next();
  assert.equal(review.current, "d4");
  review.setCounted([], "", effects([1, 1], [2, 0.9], [4, 0.1]));
  assert.equal(review.current, "d4");
  assert.equal(keys(review.walk()), "d4 d1 d2");
  assert.equal(keys(review.upcoming(2)), "d1 d2"); // whose crops are loaded
  judge(store, 4);
  review.next();
  assert.equal(review.current, "d1");
});

test("one left unanswered comes again after the others, and all of them in turn", () => {
  const { review } = queueByEffect();
  const seen = [review.current];
  for (let step = 0; step < 5; step += 1) {
    review.next();
    seen.push(review.current);
  }
  assert.deepEqual(seen, ["d3", "d4", "d1", "d2", "d3", "d4"]);
});
