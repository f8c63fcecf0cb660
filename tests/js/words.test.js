import assert from "node:assert/strict";
import { test } from "node:test";
import { ofServer } from "../../frontend/static/frontend/js/upload/words.js";

const row = /** @type {import("../../frontend/static/frontend/js/upload/server_rows.js").ServerUpload} */ ({
  state: "checking",
  step: "received",
  mine: true,
});

test("a file whose check waits for a worker is waiting, and being checked once that has begun", () => {
  const waiting = ofServer({ ...row, waiting: true }, false);
  assert.deepEqual([waiting.word, waiting.fact], ["Waiting", "for its check"]);
  assert.equal(ofServer({ ...row, waiting: false }, false).word, "Checking");
});

test("a check that stopped says so, whatever became of its job", () => {
  const stopped = ofServer({ ...row, step: "stopped", reason: "The machine had no time.", waiting: true }, false);
  assert.equal(stopped.word, "Check stopped");
});
