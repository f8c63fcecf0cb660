import assert from "node:assert/strict";
import { test } from "node:test";
import { choose } from "../../frontend/static/frontend/js/lib/storage.js";
import { caseAfter, describeGiven, slideAfter } from "../../frontend/static/frontend/js/review/onward.js";
import { Review } from "../../frontend/static/frontend/js/review/review.js";
import { ReviewStore } from "../../frontend/static/frontend/js/review/store.js";
import { changes, detection, ME, OTHER, verdict } from "./makers.js";

/** @param {string} id @param {string} [state] */
const slide = (id, state = "ready") => ({ id, label: id, state, url: `/slides/${id}/`, thumbnail_url: "" });
/** @param {ReturnType<typeof slide>[]} slides */
const caseOf = (...slides) => ({ id: "c", accession: "26-1", tumour: "", url: "/cases/c/", slides });

test("the next slide is the next one of the case that can be read", () => {
  const reading = caseOf(slide("A1"), slide("A2", "checking"), slide("A3"));
  assert.equal(slideAfter(reading, "A1")?.id, "A3");
  assert.equal(slideAfter(reading, "A3"), null);
});

test("the next case is the unread one that is due first, never the one that is open", () => {
  const unread = [
    { id: "late", accession: "26-3", due: "2026-12-09" },
    { id: "whenever", accession: "26-2", due: null },
    { id: "c", accession: "26-1", due: "2026-01-01" },
    { id: "soon", accession: "26-4", due: "2026-12-01" },
  ];
  assert.equal(caseAfter(unread, "c")?.id, "soon");
  assert.equal(caseAfter(unread.slice(2, 3), "c"), null);
});

test("what was given is told with its numbers", () => {
  const store = new ReviewStore(ME, true);
  const figure = { id: "u", x_l0: 1, y_l0: 1, reader: ME, at: "", revision: 3 };
  store.apply(
    changes({
      detections: [detection({ id: 1 }), detection({ id: 2 }), detection({ id: 3 })],
      figures: [figure],
      verdicts: [
        verdict({ detection: 1, reader: ME, label: "mitosis" }),
        verdict({ detection: 2, reader: ME, label: "unsure" }),
        verdict({ figure: "u", reader: ME, label: "mitosis" }),
        verdict({ detection: 3, reader: OTHER, label: "mitosis" }),
      ],
    }),
  );
  assert.equal(describeGiven(store.givenByMe()), "2 mitoses (1 added by hand), 1 unsure");
  assert.equal(describeGiven({ mitosis: 0, added: 0, not_mitosis: 4, unsure: 0 }), "0 mitoses, 4 not mitosis");
});

test("the next one comes by itself unless this person has switched it off", () => {
  const rosa = new Review(new ReviewStore({ ...ME, id: 71 }, true));
  assert.equal(rosa.goOn, true);
  rosa.setGoOn(false);
  assert.equal(new Review(new ReviewStore({ ...ME, id: 71 }, true)).goOn, false);
  assert.equal(new Review(new ReviewStore({ ...OTHER, id: 72 }, true)).goOn, true);
  choose("go-on.71", "yes");
});

test("after a reload the reader is where she was, not at the first of the list", () => {
  const store = new ReviewStore(ME, true);
  const review = new Review(store);
  review.wanted = "d2";
  store.apply(changes({ detections: [detection({ id: 1, probability: 0.9 })] }));
  assert.equal(review.current, "d1"); // the other one has not come yet
  store.apply(changes({ revision: 2, detections: [detection({ id: 2, probability: 0.8 })] }));
  assert.equal(review.current, "d2");
  review.choose("d1");
  store.apply(changes({ revision: 3, detections: [detection({ id: 3 })] }));
  assert.equal(review.current, "d1");
});
