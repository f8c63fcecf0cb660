import assert from "node:assert/strict";
import { test } from "node:test";
import { ATYPICAL, LABELS, PHASES, REASONS, wordsOf } from "../../frontend/static/frontend/js/review/labels.js";
import { ReviewStore } from "../../frontend/static/frontend/js/review/store.js";
import { changes, comment, detection, ME, OTHER, verdict } from "./makers.js";

/** @param {Partial<import("../../frontend/static/frontend/js/review/types.js").Changes>} more */
function open(more) {
  const store = new ReviewStore(ME, true);
  store.apply(changes({ detections: [detection({ id: 1 }), detection({ id: 2 })], ...more }));
  return store;
}

/** @param {import("../../frontend/static/frontend/js/review/types.js").CommentBody} body @returns {import("../../frontend/static/frontend/js/review/types.js").Entry} */
const waiting = (body) => ({ id: body.id, analysis: "a", kind: "comment", key: "d1", body, seq: 1, refused: null });

test("answers stand under what they answer, in the order received, and those to what is not shown stand alone", () => {
  const store = open({
    comments: [
      comment({ id: "b", revision: 4, reply_to: "a" }),
      comment({ id: "a", revision: 2 }),
      comment({ id: "c", revision: 3 }),
      comment({ id: "d", revision: 5, reply_to: "hidden" }),
      comment({ id: "e", revision: 6, detection: 2 }),
    ],
  });
  const found = store.comments.threads("d1").map(({ id, replies }) => [id, replies.map((reply) => reply.id)]);
  assert.deepEqual(found, [
    ["a", ["b"]],
    ["c", []],
    ["d", []],
  ]);
  assert.deepEqual([store.commentCount("d1"), store.commentCount("d2"), store.commentCount("d3")], [4, 1, 0]);
});

test("what was withdrawn keeps its place without counting, also before the server has it", () => {
  const store = open({
    comments: [comment({ id: "a", revision: 2, author: ME }), comment({ id: "b", revision: 3, reply_to: "a" })],
  });
  store.setWaiting([waiting({ id: "w", withdraws: "a" })]);
  assert.deepEqual([store.comments.threads("d1")[0].withdrawn, store.commentCount("d1")], [true, 1]);
  store.setWaiting([]);
  assert.equal(store.commentCount("d1"), 2);
  store.applyAnswer({ comment: comment({ id: "w", revision: 4, author: ME, text: "", withdraws: "a" }) });
  assert.deepEqual([store.comments.threads("d1").length, store.commentCount("d1")], [1, 1]);
});

test("one that waits is shown as mine and once, when the answer comes before the outbox is empty", () => {
  const store = open({});
  const entry = waiting({ id: "a", text: "A ring?", reply_to: null });
  store.setWaiting([entry]);
  const [shown] = store.comments.threads("d1");
  assert.deepEqual([shown.text, shown.author.id, shown.waiting, shown.at], ["A ring?", ME.id, true, null]);
  store.applyAnswer({ comment: comment({ id: "a", author: ME, text: "A ring?", revision: 2 }) });
  assert.deepEqual([store.commentCount("d1"), store.comments.threads("d1")[0].waiting], [1, false]);
  store.setWaiting([{ ...entry, refused: "There is no such comment." }]);
  assert.equal(store.commentCount("d1"), 1);
});

test("comments that went with verdicts come first and count, mine before the others'", () => {
  const store = open({
    verdicts: [
      verdict({ id: "v1", detection: 1, comment: "pale", revision: 2 }),
      verdict({ id: "v2", detection: 1, reader: ME, comment: "sure", revision: 3 }),
      verdict({ id: "v3", detection: 2, reader: OTHER, revision: 4 }),
    ],
    comments: [comment({ id: "a", revision: 5 })],
  });
  assert.deepEqual(
    store.verdictComments("d1").map((said) => said.comment),
    ["sure", "pale"],
  );
  assert.deepEqual([store.commentCount("d1"), store.commentCount("d2")], [3, 0]);
});

test("no key of a verdict, a reason or a phase means two things, and none is one of the viewer's", () => {
  const keys = [...LABELS, ...REASONS, ...PHASES, ATYPICAL].map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
  const taken = [..."zghvarmfclbnis[]+-=/?", "Space", "Enter", "Escape", "Home"];
  assert.deepEqual(
    keys.filter((key) => taken.includes(key)),
    [],
  );
});

test("an answer is told with its reason, its phase and atypical", () => {
  assert.equal(wordsOf({ label: "mitosis", phase: "ring", atypical: true }), "mitosis, ring, atypical");
  assert.equal(wordsOf({ label: "mitosis", phase: "prometaphase" }), "mitosis, late prophase or prometaphase");
  assert.equal(wordsOf({ label: "not_mitosis", reason: "crush" }), "not mitosis, crush");
  assert.equal(wordsOf({ label: "withdrawn" }), "open");
});
