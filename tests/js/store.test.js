import assert from "node:assert/strict";
import { test } from "node:test";
import { agreement, keyOf, ReviewStore } from "../../frontend/static/frontend/js/review/store.js";
import { changes, detection, item, ME, OTHER, verdict } from "./makers.js";

/** @param {{judges?: boolean, detections?: ReturnType<typeof detection>[]}} [with_] */
function storeWith({ judges = true, detections = [detection({ id: 1 })] } = {}) {
  const store = new ReviewStore(ME, judges);
  store.apply(changes({ detections }));
  return store;
}

/** @param {ReviewStore} store @param {string} key */
function stateOf(store, key) {
  const found = store.items.get(key);
  assert.ok(found, `no item ${key}`);
  return store.stateOf(found);
}

/** @param {string} key @param {import("../../frontend/static/frontend/js/review/types.js").Label} label */
const waitingVerdict = (key, label) => ({
  id: `w-${key}`,
  seq: 1,
  analysis: "a",
  kind: /** @type {const} */ ("verdict"),
  key,
  body: { id: `w-${key}`, detection: Number(key.slice(1)), label, reason: "", comment: "" },
  refused: /** @type {string|null} */ (null),
});

/** @param {string} id */
const waitingFigure = (id) => ({
  id,
  seq: 1,
  analysis: "a",
  kind: /** @type {const} */ ("figure"),
  key: `f${id}`,
  body: { id, x_l0: 5, y_l0: 6 },
  refused: /** @type {string|null} */ (null),
});

test("detections and added figures have keys of their own, number nought included", () => {
  assert.equal(keyOf({ detection: 0 }), "d0");
  assert.equal(keyOf({ detection: null, figure: "u" }), "fu");
});

test("a call of the model is open until it is judged, and what it did not call is below", () => {
  const store = storeWith({ detections: [detection({ id: 1 }), detection({ id: 2, mitosis: false, probability: 0.2 })] });
  assert.equal(stateOf(store, "d1"), "open");
  assert.equal(stateOf(store, "d2"), "below");
});

test("a reader's own threshold changes what is asked, and no call", () => {
  const store = storeWith({
    detections: [detection({ id: 1, probability: 0.8 }), detection({ id: 2, mitosis: false, probability: 0.3 })],
  });
  store.setThreshold(0.25);
  assert.equal(stateOf(store, "d2"), "open");
  store.setThreshold(0.9);
  assert.equal(stateOf(store, "d1"), "below");
  store.setThreshold(null);
  assert.equal(stateOf(store, "d1"), "open");
  assert.equal(store.items.get("d2")?.mitosis, false);
});

test("the newest verdict of a reader is in force, in whichever order they come", () => {
  const store = storeWith();
  const newer = verdict({ detection: 1, reader: ME, label: "not_mitosis", revision: 7 });
  const older = verdict({ detection: 1, reader: ME, label: "mitosis", revision: 3 });
  store.apply(changes({ revision: 7, verdicts: [newer, older] }));
  assert.equal(stateOf(store, "d1"), "no");
  assert.equal(store.revision, 7);
});

test("an old answer never takes the revision back", () => {
  const store = storeWith();
  store.apply(changes({ revision: 9 }));
  store.apply(changes({ revision: 4 }));
  assert.equal(store.revision, 9);
});

test("a verdict taken back opens the question again", () => {
  const store = storeWith();
  store.apply(changes({ verdicts: [verdict({ detection: 1, reader: ME, label: "mitosis", revision: 2 })] }));
  assert.equal(stateOf(store, "d1"), "yes");
  store.apply(changes({ verdicts: [verdict({ detection: 1, reader: ME, label: "withdrawn", revision: 3 })] }));
  assert.equal(stateOf(store, "d1"), "open");
  assert.equal(store.mine("d1"), null);
});

test("what others said is not shown as the answer before a reader has judged", () => {
  const store = storeWith();
  store.apply(changes({ verdicts: [verdict({ detection: 1, reader: OTHER, label: "not_mitosis" })] }));
  assert.equal(stateOf(store, "d1"), "open");
});

test("one who does not judge sees what the readers gave", () => {
  const store = storeWith({ judges: false });
  store.apply(changes({ verdicts: [verdict({ detection: 1, reader: OTHER, label: "not_mitosis" })] }));
  assert.equal(stateOf(store, "d1"), "no");
});

test("readers differ when one says mitosis and another not, and unsure is no other opinion", () => {
  const store = storeWith();
  const mine = verdict({ detection: 1, reader: ME, label: "mitosis" });
  store.apply(changes({ verdicts: [mine, verdict({ detection: 1, reader: OTHER, label: "unsure" })] }));
  assert.equal(stateOf(store, "d1"), "yes");
  store.apply(changes({ verdicts: [verdict({ detection: 1, reader: OTHER, label: "not_mitosis", revision: 2 })] }));
  assert.equal(stateOf(store, "d1"), "differ");
});

test("what waits for the server is in force already, and a refused one is not", () => {
  const store = storeWith();
  store.setWaiting([waitingVerdict("d1", "not_mitosis")]);
  assert.equal(stateOf(store, "d1"), "no");
  store.setWaiting([{ ...waitingVerdict("d1", "not_mitosis"), refused: "The case is signed." }]);
  assert.equal(stateOf(store, "d1"), "open");
});

test("a figure on its way is a mitosis of mine, and is gone when it leaves the outbox without the server's", () => {
  const store = storeWith();
  store.setWaiting([waitingFigure("u")]);
  assert.equal(stateOf(store, "fu"), "added");
  store.setWaiting([]);
  assert.equal(store.items.has("fu"), false);
});

test("a figure that the server confirmed keeps its number and stays", () => {
  const store = storeWith();
  store.setWaiting([waitingFigure("u")]);
  const name = store.items.get("fu")?.name;
  const figure = { id: "u", x_l0: 5, y_l0: 6, reader: ME, at: "", revision: 2 };
  store.applyAnswer({ figure, verdict: verdict({ figure: "u", reader: ME }) });
  store.setWaiting([]);
  assert.equal(store.items.get("fu")?.name, name);
  assert.equal(stateOf(store, "fu"), "added");
});

test("a figure that nobody holds any more is gone from the slide", () => {
  const store = storeWith();
  store.apply(
    changes({
      figures: [{ id: "u", x_l0: 5, y_l0: 6, reader: ME, at: "", revision: 2 }],
      verdicts: [verdict({ figure: "u", reader: ME, label: "withdrawn" })],
    }),
  );
  assert.equal(stateOf(store, "fu"), "gone");
  assert.deepEqual(
    store.spots().map(({ key }) => key),
    ["d1"],
  );
});

test("the tally counts an added figure as a mitosis", () => {
  const store = storeWith({ detections: [detection({ id: 1 }), detection({ id: 2 })] });
  store.setWaiting([waitingFigure("u"), waitingVerdict("d1", "mitosis")]);
  assert.deepEqual(store.tally(), { open: 1, yes: 2, no: 0, unsure: 0, below: 0, differ: 0 });
});

test("an answer that says nothing new tells nobody", () => {
  const store = storeWith();
  let told = 0;
  store.addEventListener("change", () => (told += 1));
  store.apply(changes({ revision: 2 }));
  assert.equal(told, 0);
  store.apply(changes({ revision: 3, verdicts: [verdict({ detection: 1 })] }));
  assert.equal(told, 1);
});

test("readers are listed with me first, each once", () => {
  const store = storeWith();
  store.apply(changes({ verdicts: [verdict({ detection: 1, reader: OTHER }), verdict({ detection: 1, reader: ME })] }));
  assert.deepEqual(
    store.readers().map(({ id }) => id),
    [ME.id, OTHER.id],
  );
});

test("agreement is with the model's call, and a figure has none", () => {
  assert.equal(agreement(item({ key: "d1", mitosis: true }), "mitosis"), "agree");
  assert.equal(agreement(item({ key: "d1", mitosis: false }), "mitosis"), "disagree");
  assert.equal(agreement(item({ key: "d1", mitosis: false }), "not_mitosis"), "agree");
  assert.equal(agreement(item({ key: "d1" }), "unsure"), "");
  assert.equal(agreement(item({ key: "fu", probability: null }), "mitosis"), "");
});
