import assert from "node:assert/strict";
import { test } from "node:test";
import { Actions } from "../../frontend/static/frontend/js/review/actions.js";
import { saidOf } from "../../frontend/static/frontend/js/review/said.js";
import { ReviewStore } from "../../frontend/static/frontend/js/review/store.js";
import { changes, detection, ME, memoryStorage, verdict } from "./makers.js";

/** The server's, over all pages. */
let revision = 0;

/** A page of this reader: what is sent is answered at once. @param {Storage} storage @param {ReviewStore} [before] of the page that was reloaded */
function open(storage, before) {
  const store = new ReviewStore(ME, true);
  const given = before ? [...before.given.values()].flatMap((byReader) => [...byReader.values()]) : [];
  store.apply(changes({ detections: [detection({ id: 1 }), detection({ id: 2 })], verdicts: given, revision: given.length }));
  /** @type {string[]} */
  const sent = [];
  const outbox = /** @type {import("../../frontend/static/frontend/js/review/outbox.js").Outbox} */ (
    /** @type {unknown} */ ({
      /** @param {import("../../frontend/static/frontend/js/review/types.js").Sent} entry */
      add: ({ kind, body }) => {
        if (kind === "comment") return;
        revision += 1;
        const said = kind === "verdict" ? body : { label: /** @type {const} */ ("mitosis"), purpose: body.purpose };
        const target = kind === "figure" ? { figure: body.id } : { detection: body.detection ?? null, figure: body.figure ?? null };
        if (kind === "figure") store.applyAnswer({ figure: { ...body, reader: ME, at: "", revision } });
        store.applyAnswer({
          verdict: verdict({ ...target, reader: ME, ...saidOf(said), revision }),
        });
        sent.push(said.label);
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
  assert.equal(after.actions.undo()?.key, "d2");
  assert.equal(after.store.mine("d2")?.label, "unsure");
  after.actions.undo();
  assert.equal(after.actions.undo()?.key, "d1");
  assert.equal(after.store.mine("d1"), null);
  assert.equal(after.actions.undo(), null);
  assert.equal(after.actions.canUndo, false);

  const again = open(storage, after.store);
  assert.equal(again.actions.redo()?.key, "d1");
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
  assert.equal(after.undo()?.key, "d1");
});

test("an added figure is taken back after a reload too", () => {
  const storage = memoryStorage();
  const { actions, store } = open(storage);
  const key = actions.addFigure(5, 6);
  const after = new Actions("a", store, actions.outbox, storage);
  assert.equal(after.undo()?.key, key);
  assert.equal(store.mine(key), null);
});

test("what was judged otherwise since, in another window, is not taken back to an older answer", () => {
  const storage = memoryStorage();
  const { actions, store, item } = open(storage);
  actions.judge(item("d1"), "mitosis");
  actions.judge(item("d2"), "mitosis");
  store.applyAnswer({ verdict: verdict({ detection: 2, reader: ME, label: "not_mitosis", revision: 500 }) });
  assert.equal(actions.undo()?.key, "d1");
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
