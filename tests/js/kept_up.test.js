/** What is kept up with single verdicts is what would be found anew, and a verdict looks at no other item. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Review } from "../../frontend/static/frontend/js/review/review.js";
import { ReviewStore } from "../../frontend/static/frontend/js/review/store.js";
import { changes, detection, ME, OTHER, verdict } from "./makers.js";

const CALLS = 30;
const BELOW = 10;
/** @type {import("../../frontend/static/frontend/js/review/types.js").Label[]} */
const LABELS = ["mitosis", "not_mitosis", "unsure", "withdrawn"];
const TABS = /** @type {const} */ (["queue", "judged", "missed"]);

/** @param {number} count @param {number} below */
function opened(count = CALLS, below = BELOW) {
  const store = new ReviewStore(ME, true);
  const calls = Array.from({ length: count }, (_, at) => detection({ id: at + 1, probability: 0.6 + (0.3 * at) / count }));
  const others = Array.from({ length: below }, (_, at) => detection({ id: count + at + 1, mitosis: false, probability: 0.4 }));
  const review = new Review(store);
  store.apply(changes({ detections: [...calls, ...others] }));
  return { store, review };
}

/** Numbers that look like chance and are the same each time. */
function drawer() {
  let seed = 15;
  return (/** @type {number} */ below) => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed % below;
  };
}

/** @param {{store: ReviewStore, review: Review}} reading */
function seen({ store, review }) {
  return {
    spots: store.spots().map(({ key, state }) => `${key} ${state}`),
    tally: { ...store.tally() },
    unjudged: store.countUnjudged(),
    lists: TABS.map((tab) => review.list(tab).map(({ key, waiting }) => `${key} ${waiting ?? false}`)),
    sizes: TABS.map((tab) => review.size(tab)),
    current: review.current,
  };
}

/** What a reader and others do, one after the other, in steps that a store takes. */
function* steps() {
  const draw = drawer();
  /** @type {any[]} */
  const waiting = [];
  for (let at = 0; at < 400; at += 1) {
    const [id, label] = [1 + draw(CALLS + BELOW), LABELS[draw(4)]];
    const act = draw(6);
    if (act === 0) {
      const body = { id: `f${at}`, x_l0: draw(900), y_l0: draw(900) };
      waiting.push({ id: `f${at}`, kind: "figure", key: `ff${at}`, body, refused: null });
    } else if (act < 4) {
      const body = { id: `v${at}`, detection: id, label };
      waiting.push({ id: `v${at}`, kind: "verdict", key: `d${id}`, body, refused: null });
    } else if (act === 4) {
      const given = [verdict({ id: `o${at}`, revision: 2 + at, detection: id, label, reader: OTHER })];
      yield (/** @type {ReviewStore} */ store) => store.apply(changes({ revision: 2 + at, verdicts: given }));
    } else if (waiting.length) {
      const sent = waiting.shift();
      const joins = sent.kind === "figure" && draw(2) === 1; // the server made it a verdict on a neighbour
      const figure = sent.kind === "figure" && !joins ? { ...sent.body, reader: ME } : undefined;
      const target = figure ? { figure: figure.id } : { detection: sent.body.detection ?? id };
      const mine = verdict({ id: sent.id, revision: 2 + at, reader: ME, label: sent.body.label ?? "mitosis", ...target });
      yield (/** @type {ReviewStore} */ store) => store.applyAnswer(/** @type {any} */ ({ verdict: mine, figure }));
    }
    const now = [...waiting];
    yield (/** @type {ReviewStore} */ store) => store.setWaiting(now);
  }
}

test("marks, tally and lists kept up with single verdicts and figures are those found anew", () => {
  const kept = opened();
  const anew = opened();
  let steps_ = 0;
  for (const step of steps()) {
    for (const reading of [kept, anew]) step(reading.store);
    anew.store.setThreshold(null); // after which nothing kept is used
    assert.deepEqual(seen(kept), seen(anew), `after step ${steps_}`);
    steps_ += 1;
  }
  assert.ok(steps_ > 400);
});

test("a verdict among many looks at the items that it is about and at no other", () => {
  const { store, review } = opened(3000, 0);
  seen({ store, review });
  let looked = 0;
  const stateOf = store.stateOf.bind(store);
  store.stateOf = (item) => {
    looked += 1;
    return stateOf(item);
  };
  const body = { id: "v", detection: 7, label: /** @type {const} */ ("mitosis"), reason: "", comment: "" };
  store.setWaiting(/** @type {any} */ ([{ id: "v", kind: "verdict", key: "d7", body, refused: null }]));
  store.applyAnswer({ verdict: verdict({ id: "v", revision: 9, detection: 7, reader: ME }) });
  store.setWaiting([]);
  const { tally, sizes, unjudged } = seen({ store, review });
  assert.deepEqual([tally.yes, tally.open, sizes, unjudged], [1, 2999, [2999, 1, 0], 2999]);
  assert.ok(looked < 40, `looked at ${looked} of 3000`);
});

test("what matters among the missed comes first also where it is told late, and takes nobody from where they are", () => {
  const { review } = opened();
  review.show("missed");
  const first = review.current;
  const others = review.list("missed").map(({ key }) => key);
  review.setStrip([others[4], others[7]]);
  assert.equal(review.current, others[4]);
  assert.notEqual(review.current, first);
  review.next();
  assert.equal(review.current, others[7]);
  review.setStrip([others[2]]);
  assert.equal(review.current, others[7]);
});
