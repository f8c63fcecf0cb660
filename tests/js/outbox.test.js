import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { ApiError } from "../../frontend/static/frontend/js/lib/api.js";
import { choose } from "../../frontend/static/frontend/js/lib/storage.js";
import { countSaid } from "../../frontend/static/frontend/js/review/entries.js";
import { targetsIn } from "../../frontend/static/frontend/js/review/entries.js";
import { Outbox } from "../../frontend/static/frontend/js/review/outbox.js";
import { memoryStorage, verdict } from "./makers.js";

/**
 * @typedef {import("../../frontend/static/frontend/js/review/types.js").Sent} Sent
 * @typedef {import("../../frontend/static/frontend/js/review/types.js").Entry} Entry
 */

const unreachable = async () => {
  throw new ApiError(0, "The server was not reached");
};

/** @param {string} id @param {string} [key] @returns {Sent} */
const judged = (id, key = "d1") => {
  const target = key.startsWith("d") ? { detection: Number(key.slice(1)) } : { figure: key.slice(1) };
  return { id, analysis: "a", kind: "verdict", key, body: { id, ...target, label: "mitosis", reason: "", comment: "" } };
};

/** @param {string} id @param {string} figure @returns {Sent} */
const said = (id, figure) => ({ id, analysis: "a", kind: "comment", key: `f${figure}`, body: { id, figure, text: "Missed." } });

/** @param {string} id @returns {Sent} */
const added = (id) => ({ id, analysis: "a", kind: "figure", key: `f${id}`, body: { id, x_l0: 5, y_l0: 6 } });

/** @param {Outbox} outbox @param {string} wanted */
const untilChange = (outbox, wanted) =>
  new Promise((resolve) => {
    outbox.addEventListener("change", function listen(event) {
      if (/** @type {CustomEvent} */ (event).detail !== wanted) return;
      outbox.removeEventListener("change", listen);
      resolve(undefined);
    });
  });

/** @param {Outbox} outbox */
async function untilEmpty(outbox) {
  while (outbox.waiting.length) await untilChange(outbox, "saved");
}

/** Another one for each test, since a lock goes by the reader: what one test never ends would hold up the next. */
let me = 0;

beforeEach(() => {
  me += 1;
  choose("person", "");
});

mock.timers.enable({ apis: ["setTimeout"] }); // pauses between tries pass when a test says so

test("what was judged is stored before anything is sent, and outlives the page", () => {
  const storage = memoryStorage();
  new Outbox({ user: me, send: unreachable, storage }).add(judged("v1"));
  const afterReload = new Outbox({ user: me, send: unreachable, storage });
  assert.deepEqual(
    afterReload.entries().map(({ id }) => id),
    ["v1"],
  );
});

test("another person at the same browser does not see it", () => {
  const storage = memoryStorage();
  new Outbox({ user: me, send: unreachable, storage }).add(judged("v1"));
  assert.deepEqual(new Outbox({ user: `${me}1`, send: unreachable, storage }).entries(), []);
});

test("entries leave in the order they were made, one after the other, and only by the server's answer", async () => {
  /** @type {string[]} */
  const sent = [];
  const storage = memoryStorage();
  const outbox = new Outbox({
    user: me,
    storage,
    send: async ({ id }) => {
      sent.push(id);
      assert.ok(storage.getItem(`mitoweb.outbox.${me}.${id}`), "no longer stored while it is sent");
      return {};
    },
  });
  for (const id of ["v3", "v1", "v2"]) outbox.add(judged(id));
  await untilEmpty(outbox);
  assert.deepEqual(sent, ["v3", "v1", "v2"]);
  assert.equal(storage.length, 0);
  assert.ok(outbox.savedAt);
});

test("while the server cannot be reached an entry stays, and goes the same when it can", async () => {
  let reachable = false;
  /** @type {string[]} */
  const sent = [];
  const outbox = new Outbox({
    user: me,
    storage: memoryStorage(),
    send: async ({ id }) => {
      sent.push(id);
      if (!reachable) throw new ApiError(0, "The server was not reached");
      return {};
    },
  });
  const failing = untilChange(outbox, "failing");
  outbox.add(judged("v1"));
  await failing;
  assert.equal(outbox.failing, true);
  assert.equal(outbox.waiting.length, 1);
  reachable = true;
  const saved = untilChange(outbox, "saved");
  await new Promise(setImmediate); // the pause has begun
  outbox.wake();
  await saved;
  assert.deepEqual(sent, ["v1", "v1"]);
  assert.equal(outbox.failing, false);
});

test("tries become rarer the longer the server is away, up to a quarter of a minute", async () => {
  let tries = 0;
  const outbox = new Outbox({
    user: me,
    storage: memoryStorage(),
    send: async () => {
      tries += 1;
      if (tries < 7) throw new ApiError(503, "Busy");
      return {};
    },
  });
  const saved = untilChange(outbox, "saved");
  let failing = untilChange(outbox, "failing");
  outbox.add(judged("v1"));
  for (const pause of [1000, 2000, 4000, 8000, 15_000, 15_000]) {
    await failing;
    await new Promise(setImmediate);
    const before = tries;
    failing = untilChange(outbox, "failing");
    mock.timers.tick(pause - 1);
    await new Promise(setImmediate);
    assert.equal(tries, before, `tried before ${pause} ms had passed`);
    mock.timers.tick(1);
  }
  await saved;
  assert.equal(tries, 7);
});

test("one that is refused is kept with the reason until it was seen, and does not hold up the others", async () => {
  const outbox = new Outbox({
    user: me,
    storage: memoryStorage(),
    send: async ({ id }) => {
      if (id === "v1") throw new ApiError(409, "The case is signed.");
      return {};
    },
  });
  const saved = untilChange(outbox, "saved");
  outbox.add(judged("v1"));
  outbox.add(judged("v2"));
  await saved;
  assert.deepEqual(outbox.waiting, []);
  assert.deepEqual(
    outbox.refused.map(({ id, refused }) => [id, refused]),
    [["v1", "The case is signed."]],
  );
  outbox.dismiss("v1");
  assert.deepEqual(outbox.entries(), []);
});

test("signed out is no refusal: the entry waits for the next sign-in", async () => {
  const outbox = new Outbox({
    user: me,
    storage: memoryStorage(),
    send: async () => {
      throw new ApiError(401, "Sign in");
    },
  });
  const failing = untilChange(outbox, "failing");
  outbox.add(judged("v1"));
  await failing;
  assert.equal(outbox.signedOut, true);
  assert.equal(outbox.waiting.length, 1);
});

test("nothing is sent under the name of somebody who signed in since", async () => {
  let tries = 0;
  const outbox = new Outbox({
    user: me,
    storage: memoryStorage(),
    send: async () => {
      tries += 1;
      return {};
    },
  });
  choose("person", `${me + 1}`);
  const failing = untilChange(outbox, "failing");
  outbox.add(judged("v1"));
  await failing;
  assert.equal(tries, 0);
  assert.equal(outbox.waiting.length, 1);
});

test("verdicts and comments on a figure that the server made a verdict on a neighbour follow it there", async () => {
  /** @type {Sent[]} */
  const sent = [];
  const outbox = new Outbox({
    user: me,
    storage: memoryStorage(),
    send: async (entry) => {
      sent.push(entry);
      return entry.kind === "figure" ? { verdict: verdict({ detection: 12 }) } : {};
    },
  });
  outbox.add(added("u"));
  outbox.add(judged("v1", "fu"));
  outbox.add(said("c1", "u"));
  await untilEmpty(outbox);
  outbox.add(judged("v2", "fu"));
  await untilEmpty(outbox);
  for (const entry of sent.slice(1)) {
    assert.notEqual(entry.kind, "figure");
    assert.equal(entry.key, "d12");
    const [target] = targetsIn(entry);
    assert.deepEqual([target.detection, "figure" in target], [12, false]);
  }
  assert.equal(sent.length, 4);
});

test("a figure that stays one keeps its verdicts", async () => {
  /** @type {string[]} */
  const sent = [];
  const outbox = new Outbox({
    user: me,
    storage: memoryStorage(),
    send: async (entry) => {
      sent.push(entry.key);
      return { verdict: verdict({ figure: "u" }) };
    },
  });
  outbox.add(added("u"));
  outbox.add(judged("v1", "fu"));
  await untilEmpty(outbox);
  assert.deepEqual(sent, ["fu", "fu"]);
});

test("the server's answer is told with the entry it belongs to", async () => {
  const outbox = new Outbox({ user: me, storage: memoryStorage(), send: async () => ({ verdict: verdict({ detection: 1 }) }) });
  /** @type {{entry: Entry, answer: object}[]} */
  const answers = [];
  outbox.addEventListener("answer", (event) => answers.push(/** @type {CustomEvent} */ (event).detail));
  outbox.add(judged("v1"));
  await untilEmpty(outbox);
  assert.deepEqual(
    answers.map(({ entry, answer }) => [entry.id, Object.keys(answer)]),
    [["v1", ["verdict"]]],
  );
});

test("many verdicts are one entry, kept or refused as a whole and counted one by one; those on a joined figure follow it", async () => {
  let isRefused = true;
  /** @type {Sent[]} */
  const sent = [];
  const outbox = new Outbox({
    user: me,
    storage: memoryStorage(),
    send: async (entry) => {
      sent.push(entry);
      if (entry.kind === "figure") return { verdict: verdict({ detection: 12 }) };
      if (isRefused) throw new ApiError(400, "None of the 2 verdicts was saved.");
      return {};
    },
  });
  const body = (/** @type {string} */ id) => ({ id, label: /** @type {const} */ ("mitosis"), reason: "", comment: "" });
  /** @type {() => Sent} */
  const many = () => ({
    id: "v1",
    analysis: "a",
    kind: "verdicts",
    key: "d1",
    body: {
      verdicts: [
        { ...body("v1"), detection: 1 },
        { ...body("v2"), figure: "u" },
      ],
    },
  });
  const refused = untilChange(outbox, "refused");
  outbox.add(added("u"));
  outbox.add(many());
  await refused;
  assert.deepEqual([countSaid(outbox.refused), countSaid(outbox.waiting)], [2, 0]);
  outbox.dismiss("v1");
  isRefused = false;
  outbox.add(many());
  await untilEmpty(outbox);
  const last = sent.at(-1);
  if (last?.kind !== "verdicts") assert.fail("the verdicts did not go together");
  assert.deepEqual(
    last.body.verdicts.map(({ id, detection, figure }) => [id, detection, figure]),
    [
      ["v1", 1, undefined],
      ["v2", 12, undefined],
    ],
  );
});
