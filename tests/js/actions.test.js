import assert from "node:assert/strict";
import { test } from "node:test";
import { Actions, MOST_AT_ONCE } from "../../frontend/static/frontend/js/review/actions.js";
import { verdictsIn } from "../../frontend/static/frontend/js/review/entries.js";
import { shortPhase, wordsOf } from "../../frontend/static/frontend/js/review/labels.js";
import { saidOf, sayPhase, turnAtypical } from "../../frontend/static/frontend/js/review/said.js";
import { ReviewStore } from "../../frontend/static/frontend/js/review/store.js";
import { changes, detection, ME, memoryStorage, verdict } from "./makers.js";

/** The server's, over all pages. */
let revision = 0;

/** A page of this reader: what is sent is answered at once. @param {Storage} storage @param {ReviewStore} [before] of the page that was reloaded */
function open(storage, before) {
  const store = new ReviewStore(ME, true);
  const given = before ? [...before.given.values()].flatMap((byReader) => [...byReader.values()]) : [];
  store.apply(changes({ detections: [1, 2, 3].map((id) => detection({ id })), verdicts: given, revision: given.length }));
  /** @type {string[]} */
  const sent = [];
  const outbox = /** @type {import("../../frontend/static/frontend/js/review/outbox.js").Outbox} */ (
    /** @type {unknown} */ ({
      /** @param {import("../../frontend/static/frontend/js/review/types.js").Sent} entry */
      add: (entry) => {
        if (entry.kind === "comment") return;
        const said = verdictsIn(entry);
        if (entry.kind === "figure") {
          const { id, purpose } = entry.body;
          store.applyAnswer({ figure: { ...entry.body, reader: ME, at: "", revision: ++revision } });
          said.push({ id, figure: id, label: "mitosis", reason: "", comment: "", purpose });
        }
        store.applyAnswer({
          verdicts: said.map((one) => verdict({ ...one, ...saidOf(one), reader: ME, revision: ++revision })),
        });
        sent.push(said.map(({ label }) => label).join(" "));
      },
    })
  );
  const actions = new Actions("a", store, outbox, storage);
  const item = (/** @type {string} */ key) => {
    const found = store.items.get(key);
    assert.ok(found);
    return found;
  };
  return { store, actions, sent, item };
}

test("what was judged before a reload is taken back after it, in its order, and given again", () => {
  const storage = memoryStorage();
  const before = open(storage);
  before.actions.judge(before.item("d1"), "mitosis", { comment: "sure" });
  before.actions.judge(before.item("d2"), "unsure");
  before.actions.judge(before.item("d2"), "not_mitosis");

  const after = open(storage, before.store);
  assert.equal(after.actions.canUndo, true);
  assert.equal(after.actions.undo()?.changes[0].key, "d2");
  assert.equal(after.store.mine("d2")?.label, "unsure");
  after.actions.undo();
  assert.equal(after.actions.undo()?.changes[0].key, "d1");
  assert.equal(after.store.mine("d1"), null);
  assert.equal(after.actions.undo(), null);
  assert.equal(after.actions.canUndo, false);

  const again = open(storage, after.store);
  assert.equal(again.actions.redo()?.changes[0].key, "d1");
  assert.deepEqual([again.store.mine("d1")?.label, again.store.mine("d1")?.comment], ["mitosis", "sure"]);
});

test("a phase and atypical are verdicts with the same label, and undo goes back through them", () => {
  const { actions, item, store, sent } = open(memoryStorage());
  const held = () => {
    const { label, phase, atypical, purpose, comment } = saidOf(store.mine("d1") ?? {});
    return [label, phase, atypical, purpose, comment];
  };
  actions.judge(item("d1"), "mitosis", { comment: "pale" });
  actions.purpose = "correct";
  actions.judge(item("d1"), "mitosis", { phase: "ring" });
  actions.judge(item("d1"), "mitosis", { phase: "ring", atypical: true });
  assert.deepEqual(held(), ["mitosis", "ring", true, "correct", "pale"]);
  assert.equal(actions.judge(item("d1"), "mitosis", { phase: "ring", atypical: true }), false);
  actions.undo();
  assert.deepEqual(held(), ["mitosis", "ring", false, "correct", "pale"]);
  actions.undo();
  assert.deepEqual(held(), ["mitosis", "", false, "validate", "pale"]);
  actions.redo();
  assert.deepEqual(held(), ["mitosis", "ring", false, "correct", "pale"]);
  assert.deepEqual(sent, Array(6).fill("mitosis"));
});

test("many get a phase in one step, atypical ones stay so, and one undo gives each its own answer back", () => {
  const { actions, store, item } = open(memoryStorage());
  const items = [item("d1"), item("d2"), item("d3")];
  const held = () => items.map(({ key }) => store.mine(key)).map((said) => (said ? wordsOf(said) : "open"));
  actions.judge(item("d1"), "mitosis", { phase: "ring", atypical: true });
  actions.judge(item("d2"), "not_mitosis", { reason: "crush" });
  const before = held();
  // A plain verdict takes the phase away, and says so before it is pressed.
  assert.deepEqual(
    actions.planAll(items, "mitosis").map(({ key, before: { label } }) => [key, label]),
    [
      ["d1", "mitosis"],
      ["d2", "not_mitosis"],
      ["d3", "withdrawn"],
    ],
  );
  assert.equal(actions.judgeAll(items, "mitosis", sayPhase("metaphase")), 3);
  assert.deepEqual(held(), ["mitosis, metaphase, atypical", "mitosis, metaphase", "mitosis, metaphase"]);
  const turn = () => turnAtypical(items.map(({ key }) => store.mine(key)));
  assert.equal(actions.judgeAll(items, "mitosis", turn()), 2); // some are so: all become so
  assert.deepEqual(new Set(held()), new Set(["mitosis, metaphase, atypical"]));
  assert.equal(actions.judgeAll(items, "mitosis", turn()), 3); // all are so: none is any more
  assert.deepEqual(new Set(held()), new Set(["mitosis, metaphase"]));
  for (let step = 0; step < 3; step += 1) actions.undo();
  assert.deepEqual(held(), before);
});

test("a caption names a phase shortly", () => {
  const said = [{ phase: "metaphase" }, { phase: "anaphase", atypical: true }, { atypical: true }, {}];
  assert.deepEqual(
    said.map((one) => shortPhase(/** @type {Partial<import("../../frontend/static/frontend/js/review/types.js").Said>} */ (one))),
    ["met", "ana*", "atyp", ""],
  );
});

test("a figure is added for what verdicts are given for, and steps of an older page are still taken back", () => {
  const storage = memoryStorage();
  const { actions, store } = open(storage);
  actions.purpose = "correct";
  const key = actions.addFigure(5, 6);
  assert.equal(store.mine(key)?.purpose, "correct");
  store.applyAnswer({ verdict: verdict({ detection: 1, reader: ME, label: "unsure", revision: 900 }) });
  const old = {
    key: "d1",
    before: { label: "withdrawn", reason: "", comment: "" },
    after: { label: "unsure", reason: "", comment: "" },
  };
  storage.setItem(actions.name, JSON.stringify({ done: [old], undone: [] }));
  const after = new Actions("a", store, actions.outbox, storage);
  assert.equal(after.undo()?.changes[0].key, "d1");
});

test("an added figure is taken back after a reload too", () => {
  const storage = memoryStorage();
  const { actions, store } = open(storage);
  const key = actions.addFigure(5, 6);
  const after = new Actions("a", store, actions.outbox, storage);
  assert.equal(after.undo()?.changes[0].key, key);
  assert.equal(store.mine(key), null);
});

test("what was judged otherwise since, in another window, is not taken back to an older answer", () => {
  const storage = memoryStorage();
  const { actions, store, item } = open(storage);
  actions.judge(item("d1"), "mitosis");
  actions.judge(item("d2"), "mitosis");
  store.applyAnswer({ verdict: verdict({ detection: 2, reader: ME, label: "not_mitosis", revision: 500 }) });
  assert.equal(actions.undo()?.changes[0].key, "d1");
  assert.equal(store.mine("d2")?.label, "not_mitosis");
});

test("before the verdicts have come from the server nothing is taken back and nothing forgotten", () => {
  const storage = memoryStorage();
  const { actions, item, store: loaded } = open(storage);
  actions.judge(item("d1"), "mitosis");
  const empty = new ReviewStore(ME, true);
  const early = new Actions("a", empty, actions.outbox, storage);
  assert.equal(early.canUndo, false);
  assert.equal(early.undo(), null);
  assert.equal(new Actions("a", loaded, actions.outbox, storage).canUndo, true);
});

test("steps are of one person and one analysis, and their number has a bound", () => {
  const storage = memoryStorage();
  const { actions, item, store } = open(storage);
  for (let i = 0; i < 120; i += 1) actions.judge(item("d1"), i % 2 ? "mitosis" : "unsure");
  assert.equal(new Actions("b", store, actions.outbox, storage).done.length, 0);
  assert.equal(new Actions("a", new ReviewStore({ ...ME, id: 9 }, true), actions.outbox, storage).done.length, 0);
  assert.equal(new Actions("a", store, actions.outbox, storage).done.length, 50);
});

test("one undo takes back all that was judged at once, each to what it was before, also after a reload", () => {
  const storage = memoryStorage();
  const { actions, store, sent, item } = open(storage);
  actions.judge(item("d1"), "not_mitosis", { reason: "crush", comment: "edge" });
  actions.judge(item("d2"), "mitosis");
  sent.length = 0;
  assert.equal(actions.judgeAll([item("d1"), item("d2"), item("d3")], "mitosis"), 2); // d2 is one already
  assert.deepEqual(sent, ["mitosis mitosis"]);
  assert.equal(store.mine("d1")?.comment, "edge");

  const after = open(storage, store);
  assert.deepEqual(
    after.actions.undo()?.changes.map(({ key }) => key),
    ["d1", "d3"],
  );
  assert.deepEqual(after.sent, ["not_mitosis withdrawn"]);
  const { label, reason, comment } = after.store.mine("d1") ?? {};
  assert.deepEqual([label, reason, comment], ["not_mitosis", "crush", "edge"]);
  assert.deepEqual([after.store.mine("d2")?.label, after.store.mine("d3")], ["mitosis", null]);
  assert.equal(after.actions.redo()?.changes.length, 2);
  assert.equal(after.store.mine("d3")?.label, "mitosis");
});

test("of many that were judged at once an undo leaves alone what was judged otherwise since", () => {
  const { actions, store, item } = open(memoryStorage());
  actions.judgeAll([item("d1"), item("d2")], "mitosis");
  store.applyAnswer({ verdict: verdict({ detection: 1, reader: ME, label: "unsure", revision: 900 }) });
  assert.deepEqual(
    actions.undo()?.changes.map(({ key }) => key),
    ["d2"],
  );
  assert.equal(store.mine("d1")?.label, "unsure");
});

test("nothing is taken back while a part of what the server has is still on its way", () => {
  const storage = memoryStorage();
  const { actions, store, item } = open(storage);
  actions.judgeAll([item("d1"), item("d2")], "mitosis");
  const given = [...store.given.values()].flatMap((byReader) => [...byReader.values()]);
  const half = new ReviewStore(ME, true);
  half.apply(changes({ detections: [detection({ id: 1 })], verdicts: given, more: true }));
  const early = new Actions("a", half, actions.outbox, storage);
  assert.deepEqual([early.canUndo, early.undo()], [false, null]);
  half.apply(changes({ detections: [detection({ id: 2 })] }));
  assert.deepEqual([early.canUndo, early.undo()?.changes.length], [true, 2]);
});

test("more than the server takes at once go in several requests and are one step", () => {
  const { actions, store, sent } = open(memoryStorage());
  store.apply(changes({ detections: Array.from({ length: MOST_AT_ONCE + 1 }, (_, at) => detection({ id: at + 1 })) }));
  actions.judgeAll([...store.items.values()], "unsure");
  assert.deepEqual(
    sent.map((labels) => labels.split(" ").length),
    [MOST_AT_ONCE, 1],
  );
  assert.equal(actions.undo()?.changes.length, MOST_AT_ONCE + 1);
  assert.equal(store.givenByMe().unsure, 0);
});

test("steps that were stored before many could be judged at once are still taken back", () => {
  const storage = memoryStorage();
  const { actions, store, item } = open(storage);
  actions.judge(item("d1"), "mitosis");
  const { done } = JSON.parse(storage.getItem(actions.name) ?? "");
  storage.setItem(actions.name, JSON.stringify({ done: [done[0].changes[0]], undone: [] }));
  assert.equal(new Actions("a", store, actions.outbox, storage).undo()?.changes[0].key, "d1");
});

test("what is kept of large steps has a bound, and the last is kept whole", () => {
  const storage = memoryStorage();
  const { actions, store } = open(storage);
  store.apply(changes({ detections: Array.from({ length: 3000 }, (_, at) => detection({ id: at + 1 })) }));
  const all = [...store.items.values()];
  for (const label of /** @type {const} */ (["unsure", "mitosis", "not_mitosis"])) actions.judgeAll(all, label);
  const kept = new Actions("a", store, actions.outbox, storage).done;
  assert.deepEqual(
    kept.map(({ changes }) => changes.length),
    [3000],
  );
});
