import assert from "node:assert/strict";
import { test } from "node:test";
import { countSaid, verdictsIn } from "../../frontend/static/frontend/js/review/entries.js";
import { ReviewStore } from "../../frontend/static/frontend/js/review/store.js";
import { Path } from "../../frontend/static/frontend/js/viewer/walk/path.js";
import { changes, ME, OTHER } from "./makers.js";

const fieldsOf = (/** @type {number} */ count, looked = 0) =>
  Array.from({ length: count }, (_, at) => ({ x_l0: at * 100, y_l0: 0, looked: at < looked }));

const body = { x_l0: 100, y_l0: 0, radius_um: 275, kind: /** @type {const} */ ("walk"), sample: null };

/** @param {string} id @param {typeof ME} reader */
const look = (id, reader) => ({ id, revision: 2, reader, at: "2026-01-01T00:00:00Z", ...body });

test("a walk goes on at the first field that was not looked at, and back without forgetting", () => {
  const path = new Path(fieldsOf(4, 2));
  assert.deepEqual([path.index, path.looked], [2, 2]);
  assert.equal(path.previous(), true);
  assert.equal(path.next(), true); // looked at before: on to the first that was not
  assert.deepEqual([path.index, path.looked], [2, 2]);
  path.next();
  assert.deepEqual([path.index, path.isDone], [3, false]);
  assert.equal(path.next(), false);
  assert.deepEqual([path.index, path.looked, path.isDone], [3, 4, true]);
});

test("at its end a walk turns to the fields that were passed over", () => {
  const path = new Path([
    { x_l0: 0, y_l0: 0, looked: false },
    { x_l0: 100, y_l0: 0, looked: false },
  ]);
  path.index = 1;
  assert.equal(path.next(), true);
  assert.equal(path.index, 0);
});

test("an audit ends after its part of the sample", () => {
  const path = new Path(fieldsOf(30, 10), 12);
  assert.equal(path.index, 10);
  assert.equal(path.next(), true);
  assert.equal(path.next(), false);
  assert.deepEqual([path.looked, path.isDone], [12, true]);
});

test("what another window looked at is looked at here", () => {
  const path = new Path(fieldsOf(3));
  path.mark([{ x_l0: 100.2, y_l0: 0 }]);
  assert.deepEqual(
    path.fields.map(({ looked }) => looked),
    [false, true, false],
  );
  assert.equal(new Path(fieldsOf(3), undefined, [{ x_l0: 0, y_l0: 0 }]).index, 1);
  assert.equal(new Path([]).field, null);
});

test("looks are known by reader, mine with those on their way, each once", () => {
  const store = new ReviewStore(ME, true);
  store.apply(changes({ looks: [look("a", ME), look("b", OTHER)] }));
  const sent = { id: "c", ...body };
  const entry = { id: "c", seq: 1, analysis: "a", kind: /** @type {const} */ ("look"), key: "lc", body: sent, refused: null };
  store.setWaiting([entry]);
  assert.deepEqual(
    store.looksOf(ME.id).map(({ id }) => id),
    ["a", "c"],
  );
  assert.equal(store.looksOf(OTHER.id).length, 1);
  store.applyAnswer({ look: look("c", ME) });
  assert.equal(store.looksOf(ME.id).length, 2);
  assert.deepEqual([verdictsIn(entry), countSaid([entry])], [[], 1]);
  store.setWaiting([{ ...entry, id: "d", body: { ...sent, id: "d" }, refused: "Not saved." }]);
  assert.equal(store.looksOf(ME.id).length, 2);
});
