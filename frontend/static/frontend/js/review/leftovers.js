/** Verdicts and comments that a page left unsent because its reader went on at once: any later page of the same person sends them. */

import { request } from "../lib/api.js";
import { Outbox } from "./outbox.js";

const ROUTES = { figure: "figures", verdict: "verdicts", verdicts: "verdicts/bulk", comment: "comments", look: "looks" };
const KEPT_ALIVE_BYTES = 20_000; // of the 64 kB that a browser sends for pages that were left, several may be on their way

/**
 * @param {string|number} user
 * @param {string} [api]
 */
export function openOutbox(user, api = "/api/") {
  return new Outbox({
    user,
    send: async (entry) => {
      const list = `${api}analyses/${entry.analysis}/${ROUTES[entry.kind]}/`;
      // One that is on its way when the page is left still arrives; what is too large for that is sent again by the next page.
      const keepalive = JSON.stringify(entry.body).length < KEPT_ALIVE_BYTES;
      return (await request("POST", list, { json: entry.body, keepalive })).body;
    },
  });
}

/** For pages without a review, which has an outbox of its own. */
export function sendLeftovers() {
  const { user } = document.body.dataset;
  if (!user) return;
  const outbox = openOutbox(user);
  if (outbox.waiting.length) outbox.start();
}
