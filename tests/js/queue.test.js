import assert from "node:assert/strict";
import { test } from "node:test";
import { Queue } from "../../frontend/static/frontend/js/upload/queue.js";

globalThis.document = /** @type {Document} */ (
  /** @type {unknown} */ ({
    querySelector: () => ({ textContent: '{"grouping": {"series": [], "folders": {}, "slides": [], "pictures": []}}' }),
  })
);
globalThis.setInterval = /** @type {typeof setInterval} */ (/** @type {unknown} */ (() => 0)); // nothing is asked in a test

/** @param {Partial<import("../../frontend/static/frontend/js/upload/server_rows.js").ServerFile>} more */
const upload = (more) => ({
  ...{ id: "u1", case: "c", accession: "26-1", by: "tech", mine: true, name: "", label: "Slide 2", length: 5, offset: 5 },
  ...{ state: "checking", step: "received", reason: "", percent: 0, slide: null, slide_label: null, slide_state: null },
  ...{ mpp_known: false, bundle: null, bundle_files: 1 },
  ...more,
});

test("the page keeps the name of a file that the server has forgotten, so that its sender knows which one was refused", () => {
  const queue = new Queue({ case: "c", rows: [upload({ name: "26-1 B.svs" })] }, { onchange: () => {}, onready: async () => true });
  queue.merge([upload({ state: "refused", reason: "The file ends early." }), upload({ id: "u2", state: "refused" })]);
  const names = Object.fromEntries(queue.rows.map((row) => [row.key, row.name]));
  assert.deepEqual(names, { u1: "26-1 B.svs", u2: "" });
});
