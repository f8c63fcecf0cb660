import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { ApiError, askInTurn } from "../../frontend/static/frontend/js/lib/api.js";

const busy = (/** @type {number} */ after_s) => new ApiError(503, "Busy", null, after_s);

test("what is worked out for somebody else is asked for again when the server says so, and the page says that it waits", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const answers = [busy(2), busy(1), "there"];
  /** @type {string[]} */
  const said = [];
  const asked = askInTurn(
    async () => {
      const answer = answers.shift();
      if (answer instanceof ApiError) throw answer;
      return answer;
    },
    () => said.push("waits"),
  );
  for (const wait_ms of [2000, 1000]) {
    await new Promise(setImmediate);
    mock.timers.tick(wait_ms);
  }
  assert.equal(await asked, "there");
  assert.equal(said.length, 2);
  mock.timers.reset();
});

test("what the server does not ask for again is told at once", async () => {
  for (const error of [busy(0), new ApiError(409, "No"), new ApiError(0, "The server was not reached")])
    await assert.rejects(
      askInTurn(
        () => Promise.reject(error),
        () => assert.fail("does not wait"),
      ),
      error,
    );
});
