import assert from "node:assert/strict";
import { test } from "node:test";
import { Queue } from "../../frontend/static/frontend/js/upload/queue.js";

globalThis.document = /** @type {Document} */ (
  /** @type {unknown} */ ({
    body: { dataset: {} },
    cookie: "",
    querySelector: () => ({ textContent: '{"grouping": {"series": [], "folders": {}, "slides": [], "pictures": []}}' }),
  })
);
globalThis.setInterval = /** @type {typeof setInterval} */ (/** @type {unknown} */ (() => 0)); // nothing is asked in a test

/** @param {Partial<import("../../frontend/static/frontend/js/upload/server_rows.js").ServerFile>} more */
const upload = (more) => ({
  ...{ id: "u1", case: "c", accession: "26-1", by: "tech", mine: true, name: "", label: "Slide 2", length: 5, offset: 5 },
  ...{ state: "checking", step: "received", reason: "", percent: 0, slide: null, slide_label: null, slide_state: null },
  ...{ mpp_known: false, is_asked: false, waiting: false, bundle: null, bundle_files: 1 },
  ...more,
});

test("the page keeps the name of a file that the server has forgotten, so that its sender knows which one was refused", () => {
  const queue = new Queue({ case: "c", rows: [upload({ name: "26-1 B.svs" })] }, { onchange: () => {}, onready: async () => true });
  queue.merge([upload({ state: "refused", reason: "The file ends early." }), upload({ id: "u2", state: "refused" })]);
  const names = Object.fromEntries(queue.rows.map((row) => [row.key, row.name]));
  assert.deepEqual(names, { u1: "26-1 B.svs", u2: "" });
});

test("files are given to the server in the order in which they were chosen, so that they are numbered like it", async () => {
  /** @type {Array<{file: File, url?: string, options: {onUploadUrlAvailable: () => void}}>} */
  const begun = [];
  class Upload {
    constructor(/** @type {File} */ file, /** @type {{onUploadUrlAvailable: () => void}} */ options) {
      Object.assign(this, { file, options });
    }
    start() {
      begun.push(/** @type {typeof begun[number]} */ (/** @type {unknown} */ (this)));
    }
  }
  Object.assign(globalThis, { tus: { Upload }, fetch: async () => new Response('{"possible": false}') });
  const queue = new Queue({ case: "c", rows: [] }, { onchange: () => {}, onready: async () => true });
  const picked = ["S2.svs", "S10.svs"].map((name) => {
    const file = new File(["slide"], name);
    return { files: [{ file, path: name }], label: name, name };
  });
  queue.add(picked, { labelsFromNames: false });
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  await settle();
  const names = () => begun.map(({ file }) => file.name);
  assert.deepEqual(names(), ["S2.svs"]);
  begun[0].url = "/api/uploads/00000000-0000-4000-8000-000000000001/";
  begun[0].options.onUploadUrlAvailable();
  await settle();
  assert.deepEqual(names(), ["S2.svs", "S10.svs"]);
});
