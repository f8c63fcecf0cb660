/** Verdicts and comments that a page left unsent because its reader went on at once: any later page of the same person sends them. */

import { request } from "../lib/api.js";
import { Outbox } from "./outbox.js";

const LISTS = { verdict: "verdicts", figure: "figures", comment: "comments" };

/**
 * @param {string|number} user
 * @param {string} [api]
 */
export function openOutbox(user, api = "/api/") {
  return new Outbox({
    user,
    send: async (entry) => {
      const list = `${api}analyses/${entry.analysis}/${LISTS[entry.kind]}/`;
      // One that is on its way when the page is left still arrives.
      return (await request("POST", list, { json: entry.body, keepalive: true })).body;
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
