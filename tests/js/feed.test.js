/** What the page is told while it follows an analysis. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Feed } from "../../frontend/static/frontend/js/review/feed.js";
import { changes } from "./makers.js";

test("that one is signed out is told once, and again after the next sign-in", async () => {
  const answers = [401, 401, 401, 200, 401, 401];
  const answer = async () => {
    const status = answers.shift() ?? 500;
    return new Response(JSON.stringify(status === 200 ? changes({}) : { detail: "Signed out" }), {
      status,
      headers: { "Content-Type": "application/json" },
    });
  };
  mock.method(globalThis, "fetch", answer);
  const page = { addEventListener() {}, hidden: true };
  Object.assign(globalThis, { document: page, addEventListener() {}, window: { setTimeout: () => 0 } });
  const store = /** @type {import("../../frontend/static/frontend/js/review/store.js").ReviewStore} */ (
    /** @type {unknown} */ ({ revision: 0, apply() {} })
  );
  const feed = new Feed("/api/analyses/a/changes/", store);
  let told = 0;
  feed.addEventListener("signed-out", () => {
    told += 1;
  });
  const counts = [];
  while (answers.length) {
    await feed.now();
    counts.push(told);
  }
  assert.deepEqual(counts, [1, 1, 1, 1, 2, 2]);
});
