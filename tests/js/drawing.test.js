import assert from "node:assert/strict";
import { test } from "node:test";
import { Drawing } from "../../frontend/static/frontend/js/viewer/drawing/drawing.js";
import { History } from "../../frontend/static/frontend/js/viewer/drawing/history.js";
import {
  areaOfRings,
  clipToSlide,
  crossesItself,
  isInArea,
  join,
  moveOnSlide,
  nearestHandle,
  simplify,
  strokeRings,
} from "../../frontend/static/frontend/js/viewer/drawing/shapes.js";

/** @typedef {[number, number]} Point */
const PX = { x: 1, y: 1 };

/** @param {number} x @param {number} y @param {number} side @returns {Point[]} */
const square = (x, y, side) => [
  [x, y],
  [x + side, y],
  [x + side, y + side],
  [x, y + side],
];

/** @param {Point[][]} [rings] @param {{x: number, y: number}} [mpp] */
const drawing = (rings = [], mpp = PX) => new Drawing(rings, { width: 1000, height: 800, mpp });

/** @param {number} value @param {number} wanted @param {number} share */
const isNear = (value, wanted, share) => assert.ok(Math.abs(value / wanted - 1) < share, `${value}, not ${wanted}`);

test("corners become an area only when they enclose one without crossing", () => {
  const drawn = drawing();
  for (const corner of /** @type {Point[]} */ ([
    [100, 100],
    [300, 300],
  ]))
    drawn.addCorner(corner);
  assert.match(drawn.closePath(false), /Three corners/);
  for (const corner of /** @type {Point[]} */ ([
    [300, 100],
    [100, 300],
  ]))
    drawn.addCorner(corner);
  assert.match(drawn.closePath(false), /cross/);
  assert.equal(drawn.path.length, 4);
  drawn.takeBack();
  assert.equal(drawn.closePath(false), "");
  assert.deepEqual([drawn.path.length, drawn.area_um2], [0, 20_000]);
});

test("a corner at the place of the last one is none", () => {
  const drawn = drawing();
  drawn.addCorner([5, 5]);
  drawn.addCorner([5, 5]);
  assert.equal(drawn.path.length, 1);
});

test("an outline touches itself at a corner set on an edge, and where it folds back", () => {
  assert.ok(
    crossesItself([
      [0, 0],
      [100, 0],
      [100, 100],
      [50, 0],
      [0, 100],
    ]),
  );
  assert.ok(
    crossesItself([
      [0, 0],
      [100, 0],
      [50, 0],
      [50, 80],
    ]),
  );
  assert.ok(!crossesItself(square(0, 0, 50)));
});

test("what is added touching one area joins it, apart it is a part, and what is removed inside is a hole", () => {
  const drawn = drawing([square(100, 100, 200)]);
  drawn.enclose(square(250, 100, 100), false, 0.5);
  assert.deepEqual([drawn.rings.length, drawn.area_um2], [1, 200 * 200 + 50 * 100]);
  drawn.enclose(square(600, 600, 50), false, 0.5);
  drawn.enclose(square(150, 150, 50), true, 0.5);
  assert.deepEqual([drawn.rings.length, drawn.area_um2], [3, 200 * 200 + 50 * 100 + 2500 - 2500]);
  assert.ok(!isInArea(drawn.rings, 175, 175) && isInArea(drawn.rings, 120, 120) && isInArea(drawn.rings, 620, 620));
});

test("what is kept may turn either way round: its holes stay holes when more is drawn", () => {
  const drawn = drawing([square(100, 100, 200), square(150, 150, 50)]);
  drawn.enclose(square(600, 600, 50), false, 0.5);
  assert.ok(!isInArea(drawn.rings, 175, 175) && isInArea(drawn.rings, 120, 120));
  assert.equal(drawn.area_um2, 200 * 200);
});

test("each step is taken back and done again, until something new is done", () => {
  const drawn = drawing();
  drawn.enclose(square(100, 100, 200), false, 0.5);
  drawn.brush([[200, 200]], 20, true);
  const withHole = drawn.rings;
  assert.equal(withHole.length, 2);
  assert.ok(drawn.history.undo());
  assert.equal(drawn.rings.length, 1);
  assert.ok(drawn.history.redo());
  assert.equal(drawn.rings, withHole);
  drawn.history.undo();
  drawn.addCorner([1, 1]);
  assert.ok(!drawn.history.canRedo);
  drawn.history.undo();
  drawn.history.undo();
  assert.ok(!drawn.isChanged && !drawn.history.canUndo && !drawn.history.undo());
});

test("a history forgets its oldest steps and not its newest", () => {
  const history = new History(0);
  for (let step = 1; step <= 500; step++) history.push(step);
  let undone = 0;
  while (history.undo()) undone += 1;
  assert.equal(undone, 200);
  assert.equal(history.state, 300);
});

test("a brush is round on the glass where pixels are not square, and joins its way without gaps", () => {
  const mpp = { x: 0.25, y: 0.5 };
  const dot = strokeRings([[500, 400]], 20, mpp);
  isNear(areaOfRings(dot, mpp), Math.PI * 20 * 20, 0.01);
  const [xs, ys] = [dot[0].map(([x]) => x), dot[0].map(([, y]) => y)];
  isNear(Math.max(...xs) - Math.min(...xs), 160, 0.01);
  isNear(Math.max(...ys) - Math.min(...ys), 80, 0.01);
  const way = strokeRings(
    [
      [100, 100],
      [500, 100],
      [500, 300],
    ],
    20,
    mpp,
  );
  assert.equal(way.length, 1);
  isNear(areaOfRings(way, mpp), 200 * 40 + Math.PI * 400, 0.02);
});

test("a brush that comes back to where it began leaves what it went around", () => {
  const drawn = drawing();
  drawn.brush(
    [
      [200, 200],
      [400, 200],
      [400, 400],
      [200, 400],
      [200, 200],
    ],
    20,
    false,
  );
  assert.equal(drawn.rings.length, 2);
  assert.ok(!isInArea(drawn.rings, 300, 300) && isInArea(drawn.rings, 200, 300));
});

test("a line drawn by hand is thinned to the tolerance in micrometres, in x and in y", () => {
  const line = Array.from({ length: 400 }, (_, i) => /** @type {Point} */ ([i, i % 2]));
  assert.equal(simplify(line, 0.6, { x: 1, y: 0.5 }).length, 2);
  assert.ok(simplify(line, 0.6, { x: 0.5, y: 1 }).length > 390);
  const round = Array.from(
    { length: 3000 },
    (_, i) =>
      /** @type {Point} */ ([500 + 300 * Math.cos((i / 3000) * 2 * Math.PI), 400 + 300 * Math.sin((i / 3000) * 2 * Math.PI)]),
  );
  const drawn = drawing();
  drawn.enclose(round, false, 1);
  assert.ok(drawn.rings[0].length < 100, `${drawn.rings[0].length} corners`);
  isNear(drawn.area_um2, Math.PI * 300 * 300, 0.01);
});

test("a line by hand that crosses itself is two areas, a slip of the hand is none", () => {
  const drawn = drawing();
  assert.equal(
    drawn.enclose(
      [
        [0, 0],
        [200, 200],
        [200, 0],
        [0, 200],
      ],
      false,
      0.5,
    ),
    "",
  );
  assert.equal(drawn.rings.length, 2);
  const slip = drawing();
  assert.match(
    slip.enclose(
      [
        [0, 0],
        [5, 0],
        [5, 5],
      ],
      false,
      0.5,
    ),
    /no area/,
  );
  assert.match(
    slip.enclose(
      [
        [0, 0],
        [5, 0],
      ],
      false,
      0.5,
    ),
    /no area/,
  );
  assert.match(slip.brush([[50, 50]], 20, true), /nothing drawn there/);
  assert.ok(!slip.history.canUndo);
});

test("what is drawn past the slide's edge ends there, and beside it there is nothing", () => {
  const drawn = drawing();
  drawn.enclose(square(-50, 750, 200), false, 0.5);
  assert.equal(drawn.area_um2, 150 * 50);
  assert.match(drawn.enclose(square(500, 300, 100), true, 0.5), /nothing drawn there/);
  assert.match(drawing().enclose(square(2000, 2000, 100), false, 0.5), /no area/);
  assert.equal(clipToSlide(drawn.rings, 1000, 800), drawn.rings);
});

test("a vertex is moved, put into an edge and taken away; where that would cross nothing changes", () => {
  const drawn = drawing([square(100, 100, 200), square(150, 150, 50)]);
  const vertex = { ring: 0, index: 2 };
  assert.equal(drawn.moveVertex(vertex, [400, 400]), "");
  assert.match(drawn.moveVertex(vertex, [160, 160]), /cross/); // over the hole
  const triangle = /** @type {Point[]} */ ([
    [150, 150],
    [200, 150],
    [150, 200],
  ]);
  assert.match(drawing([square(100, 100, 200), triangle]).moveVertex(vertex, [160, 160]), /cross/);
  assert.deepEqual(drawn.rings[0][2], [400, 400]);
  assert.equal(drawn.insertVertex({ ring: 0, index: 3 }, [60, 200]), "");
  assert.deepEqual(drawn.rings[0], [
    [100, 100],
    [300, 100],
    [400, 400],
    [100, 300],
    [60, 200],
  ]);
  drawn.moveVertex({ ring: 0, index: 4 }, [-30, 200]);
  assert.deepEqual(drawn.rings[0][4], [0, 200]);
  assert.equal(drawn.removeVertex({ ring: 0, index: 4 }), "");
  drawn.removeVertex({ ring: 1, index: 0 });
  drawn.removeVertex({ ring: 1, index: 0 });
  assert.equal(drawn.rings.length, 1);
});

test("a vertex that is moved on by keys is one step", () => {
  const drawn = drawing([square(100, 100, 200)]);
  drawn.moveVertex({ ring: 0, index: 0 }, [90, 100]);
  drawn.moveVertex({ ring: 0, index: 0 }, [80, 100], true);
  drawn.history.undo();
  assert.deepEqual(drawn.rings[0][0], [100, 100]);
});

test("the nearest handle is a vertex, or the middle of an edge that is long enough", () => {
  const rings = [square(100, 100, 200)];
  assert.deepEqual(nearestHandle(rings, [104, 97], 10, 50), { ring: 0, index: 0, isMiddle: false, at: [100, 100] });
  assert.deepEqual(nearestHandle(rings, [203, 100], 10, 50), { ring: 0, index: 0, isMiddle: true, at: [200, 100] });
  assert.equal(nearestHandle(rings, [203, 100], 10, 250), null);
  assert.equal(nearestHandle(rings, [150, 160], 10, 50), null);
});

test("a region that is moved keeps its size and stays on the slide", () => {
  const moved = moveOnSlide(square(100, 100, 200), -500, 50, 1000, 800);
  assert.deepEqual(moved, square(0, 150, 200));
  assert.deepEqual(moveOnSlide(square(100, 100, 200), 5000, 5000, 1000, 800), square(800, 600, 200));
  assert.deepEqual(moveOnSlide(square(-10, 100, 200), -5, 0, 1000, 800), square(-10, 100, 200)); // further out, it is not pushed
});

test("thousands of corners are refused in words and leave what was drawn", () => {
  const drawn = drawing([square(100, 100, 200)]);
  const many = Array.from({ length: 11_000 }, (_, i) => {
    const [angle, radius] = [(i / 11_000) * 2 * Math.PI, i % 2 ? 390 : 300];
    return /** @type {Point} */ ([450 + radius * Math.cos(angle), 400 + radius * Math.sin(angle)]);
  });
  assert.match(drawn.enclose(many, false, 0.001), /at most 10,000 corners/);
  assert.equal(drawn.rings[0].length, 4);
});

test("parts that touch are joined without a line between them", () => {
  assert.deepEqual(
    join(
      [square(0, 0, 100)],
      [
        [
          [100, 0],
          [200, 0],
          [200, 100],
          [100, 100],
        ],
      ],
    ).length,
    1,
  );
});
