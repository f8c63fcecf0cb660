import assert from "node:assert/strict";
import { test } from "node:test";
import {
  area,
  drawnArea,
  duration,
  fixed,
  length,
  plural,
  probability,
  whole,
} from "../../frontend/static/frontend/js/lib/format.js";

const THIN = "\u2009";

test("thousands are parted by thin spaces, and halves are rounded up", () => {
  assert.equal(whole(1234567), `1${THIN}234${THIN}567`);
  assert.equal(whole(999.5), `1${THIN}000`);
  assert.equal(fixed(0.5, 2), "0.50");
});

test("a probability is never printed as certain, and never higher than it is", () => {
  assert.equal(probability(1), "0.99");
  assert.equal(probability(0.9999), "0.99");
  assert.equal(probability(0.499), "0.49");
  assert.equal(probability(0), "0.00");
});

test("two digits that the model gave exactly stay as they are, in spite of binary fractions", () => {
  for (const value of [0.29, 0.57, 0.58, 0.07]) assert.equal(probability(value), value.toFixed(2));
});

test("lengths have three digits, and become millimetres from a thousand micrometres on", () => {
  assert.deepEqual([7.512, 12.34, 250.4, 999.4, 1000, 12345].map(length), [
    "7.51 µm",
    "12.3 µm",
    "250 µm",
    "999 µm",
    "1 mm",
    "12.3 mm",
  ]);
});

test("an unknown area says so instead of being zero", () => {
  assert.equal(area(null), "area unknown");
  assert.equal(area(0), "0.00 mm²");
  assert.equal(area(2.368), "2.37 mm²");
});

test("what a hand drew is never told as nothing", () => {
  assert.deepEqual([0.00231, 0.0784, 0.104, 12.345].map(drawnArea), ["0.0023 mm²", "0.078 mm²", "0.10 mm²", "12.35 mm²"]);
  assert.equal(drawnArea(null), "area unknown");
});

test("a duration changes its unit before it gets hard to read", () => {
  assert.deepEqual([null, 0.2, 89, 90, 3600, 5400].map(duration), ["", "1 s", "89 s", "2 min", "60 min", "1.5 h"]);
});

test("one thing is singular, none and many are plural, irregular ones as they are given", () => {
  assert.equal(plural(1, "detection"), "1 detection");
  assert.equal(plural(0, "detection"), "0 detections");
  assert.equal(plural(2000, "mitosis", "mitoses"), `2${THIN}000 mitoses`);
});
