/** Whose count is shown, and what is said of who has judged. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { listCounts, nameCount, sayWhoJudged } from "../../frontend/static/frontend/js/review/whose.js";

/** @param {number} id @param {string} username */
const person = (id, username, reads = true) => ({ id, username, initials: username.slice(0, 2), reads });
const [ada, bo] = [person(1, "ada"), person(2, "bo")];
const onlooker = person(3, "olive", false);
/** @param {import("../../frontend/static/frontend/js/review/whose.js").Reader} reader @param {number} judged */
const tally = (reader, judged, confirmed = 0) => ({ reader, judged, confirmed, provisional: 0, open: 0 });
/**
 * @param {import("../../frontend/static/frontend/js/review/whose.js").Reader} reader
 * @param {ReturnType<typeof tally>[]} readers
 */
const counted = (reader, readers) => ({ reader, readers, nobody_judged: !readers.some(({ judged }) => judged) });

test("nobody has judged is said only when it is true", () => {
  assert.equal(sayWhoJudged(counted(ada, [tally(ada, 0)]), ada), "Nobody has judged yet");
  const others = counted(ada, [tally(ada, 0), tally(bo, 12)]);
  assert.equal(sayWhoJudged(others, ada), "You have judged nothing here yet, bo has judged 12");
  assert.equal(
    sayWhoJudged({ ...others, reader: bo, readers: [tally(ada, 3), tally(bo, 0)] }, ada),
    "bo has judged nothing here yet, you have judged 3",
  );
  const elsewhere = { ...counted(ada, [tally(ada, 0), tally(bo, 0)]), nobody_judged: false };
  assert.equal(sayWhoJudged(elsewhere, ada), "Nobody has judged in this region yet");
});

test("who reads can always come back to an own count, who looks on has none", () => {
  const ofBo = counted(bo, [tally(bo, 12, 5)]);
  assert.deepEqual(
    listCounts(ofBo, ada).map(({ text }) => text),
    ["your count", "bo, 5"],
  );
  assert.deepEqual(
    listCounts(ofBo, onlooker).map(({ text }) => text),
    ["bo, 5"],
  );
  assert.deepEqual(
    listCounts(counted(onlooker, [tally(onlooker, 0), tally(bo, 2, 1)]), onlooker).map(({ id }) => id),
    [2],
  );
});

test("one count is named too", () => {
  assert.equal(nameCount(counted(ada, [tally(ada, 0)]), ada), "your count");
  assert.equal(nameCount(counted(bo, [tally(bo, 1)]), onlooker), "bo's count");
  assert.equal(nameCount(counted(onlooker, [tally(onlooker, 0)]), onlooker), "the model's calls");
});
