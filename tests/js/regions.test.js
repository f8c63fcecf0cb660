import assert from "node:assert/strict";
import { test } from "node:test";
import { movableRegion, nameMoved } from "../../frontend/static/frontend/js/viewer/regions.js";

/** @type {[number, number][]} */
const SQUARE = [
  [0, 0],
  [10, 0],
  [10, 10],
  [0, 10],
];
const named = (/** @type {string[]} */ ...names) => names.map((name, index) => ({ id: String(index), name, polygon: SQUARE }));

/** @param {"best"|"whole"|"drawn"} kind @param {string} where @param {string|null} [id] */
const counted = (kind, where, id = null) =>
  /** @type {any} */ ({ where, count: { region: { kind, id, polygon: kind === "whole" ? null : SQUARE } } });

test("a moved region is called after the one that was told, with a number once that is taken", () => {
  assert.equal(nameMoved("Region 1", []), "Region 1, moved");
  assert.equal(nameMoved("Region 1", named("Region 1, moved", "Region 2, moved")), "Region 1, moved 2");
  assert.equal(nameMoved("Region 1, moved 2", named("Region 1, moved", "Region 1, moved 2")), "Region 1, moved 3");
});

test("what is told by the protocol or was drawn can be moved, the whole slide cannot", () => {
  assert.deepEqual(movableRegion(counted("best", "best"), []), { polygon: SQUARE, name: "Region 1" });
  assert.deepEqual(movableRegion(counted("best", "2"), []), { polygon: SQUARE, name: "Region 2" });
  assert.deepEqual(movableRegion(counted("drawn", "0", "0"), named("Hot spot")), { polygon: SQUARE, name: "Hot spot" });
  assert.equal(movableRegion(counted("whole", "whole"), []), null);
  assert.equal(movableRegion(undefined, []), null);
});
