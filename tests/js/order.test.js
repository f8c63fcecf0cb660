import assert from "node:assert/strict";
import { test } from "node:test";
import { neighbour, sorted } from "../../frontend/static/frontend/js/review/order.js";
import { item } from "./makers.js";

const REGION = /** @type {[number, number][]} */ ([
  [0, 0],
  [100, 0],
  [100, 100],
  [0, 100],
]);
const BY = { region: REGION, threshold: 0.5 };

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
  assert.equal(keys(sorted(items, "region", { region: null, threshold: 0.5 })), "more less");
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
