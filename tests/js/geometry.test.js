import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apply,
  areaOf,
  barLength,
  inside,
  invert,
  mppOf,
  powerOf,
  scaleOf,
  visibleBox,
} from "../../frontend/static/frontend/js/viewer/geometry.js";

const SQUARE = /** @type {[number, number][]} */ ([
  [0, 0],
  [10, 0],
  [10, 10],
  [0, 10],
]);
/** A quarter turn, half the size, moved: what a rotated and zoomed view makes. */
const TURNED = { a: 0, b: 0.5, c: -0.5, d: 0, e: 300, f: 40 };

test("forty-fold stands for a quarter of a micrometre on the screen, and back", () => {
  assert.equal(powerOf(0.25), 40);
  assert.equal(mppOf(40), 0.25);
  assert.equal(powerOf(mppOf(17)), 17);
});

test("a place of the slide found on the screen is found again from there, also where the view is rotated", () => {
  const [x, y] = apply(TURNED, 123, 456);
  const [x_l0, y_l0] = invert(TURNED, x, y);
  assert.ok(Math.abs(x_l0 - 123) < 1e-9 && Math.abs(y_l0 - 456) < 1e-9, `${x_l0}, ${y_l0}`);
});

test("the scale does not depend on the rotation", () => {
  assert.equal(scaleOf(TURNED), 0.5);
  assert.equal(scaleOf({ a: 0.5, b: 0, c: 0, d: 0.5, e: 0, f: 0 }), 0.5);
});

test("the visible box holds all corners of a rotated canvas, and its margin in pixels of the screen", () => {
  assert.deepEqual(visibleBox(TURNED, 100, 60), [-80, 400, 40, 600]);
  assert.deepEqual(visibleBox(TURNED, 100, 60, 10), [-100, 380, 60, 620]);
});

test("a place is inside a polygon by the even-odd rule", () => {
  assert.equal(inside(SQUARE, 5, 5), true);
  assert.equal(inside(SQUARE, 15, 5), false);
  assert.equal(inside(SQUARE, 5, -1), false);
});

test("the notch of a concave polygon is outside", () => {
  const notched = /** @type {[number, number][]} */ ([
    [0, 0],
    [10, 0],
    [10, 10],
    [5, 2],
    [0, 10],
  ]);
  assert.equal(inside(notched, 5, 8), false);
  assert.equal(inside(notched, 5, 1), true);
});

test("two regions that share an edge count a place on it once", () => {
  const right = SQUARE.map(([x, y]) => /** @type {[number, number]} */ ([x + 10, y]));
  assert.equal(Number(inside(SQUARE, 10, 5)) + Number(inside(right, 10, 5)), 1);
});

test("a scale bar is the longest of one, two and five times a power of ten that fits", () => {
  assert.deepEqual([0.3, 1, 1.9, 4.9, 5, 99, 100, 260].map(barLength), [0.2, 1, 1, 2, 5, 50, 100, 200]);
});

test("an outline holds the same area whichever way round it was drawn", () => {
  /** @type {import("../../frontend/static/frontend/js/viewer/geometry.js").Point[]} */
  const bent = [
    [10, 10],
    [30, 10],
    [30, 20],
    [20, 20],
    [20, 40],
    [10, 40],
  ];
  assert.equal(areaOf(bent), 400);
  assert.equal(areaOf([...bent].reverse()), 400);
});
