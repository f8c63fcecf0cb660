/** The list of model versions: for administrators sending one, in pieces that go on after a cut, and what its check says. */

import { ApiError, get, post, remove, request } from "../lib/api.js";
import { one } from "../lib/dom.js";
import { toast } from "../lib/toast.js";

const PIECE_BYTES = 8 * 2 ** 20;
const ATTEMPTS = 5; // of one piece, with longer and longer pauses
const LOOK_EVERY_MS = 2000;

/** @typedef {{ id: string, name: string, state: string, length: number, offset: number }} ModelUpload */

/** @param {unknown} error */
const words = (error) => (error instanceof ApiError ? error.message : "Not done: the page failed");
/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * One that stopped half way, of the same version and length.
 * @param {string} url
 * @param {string} card
 * @param {File} weights
 * @returns {Promise<ModelUpload>}
 */
async function beginOrGoOn(url, card, weights) {
  let name = "";
  try {
    name = JSON.parse(card).name;
  } catch {
    // the server says in words what is wrong with the card
  }
  const begun = /** @type {ModelUpload[]} */ (await get(url));
  const same = begun.find((row) => row.state === "receiving" && row.name === name && row.length === weights.size);
  return same ?? (await post(url, { card, length: weights.size }));
}

/**
 * @param {string} url of the upload
 * @param {File} weights
 * @param {number} offset
 * @param {(sent: number) => void} tell
 */
async function sendFrom(url, weights, offset, tell) {
  for (let failed = 0; offset < weights.size; ) {
    try {
      const body = weights.slice(offset, offset + PIECE_BYTES);
      const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) };
      offset = (await request("PATCH", url, { body, headers })).body.offset;
      failed = 0;
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      failed += 1;
      if (failed === ATTEMPTS || (status >= 400 && status < 500 && status !== 409 && status !== 429)) throw error;
      await pause(500 * 2 ** failed);
      const row = await get(url).catch(() => null);
      if (row) offset = row.offset;
    }
    tell(offset);
  }
}

const form = /** @type {HTMLFormElement|null} */ (document.querySelector("form[data-model-uploads]"));
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const url = form.dataset.modelUploads ?? "";
  const answers = new FormData(form);
  const weights = /** @type {File} */ (answers.get("weights"));
  const bar = /** @type {HTMLProgressElement} */ (one("progress", form));
  const [refusal, said] = [one(".form-errors", form), one("[role=status]", form)];
  const send = /** @type {HTMLButtonElement} */ (one("[type=submit]", form));
  refusal.hidden = true;
  send.disabled = true;
  bar.hidden = said.hidden = false;
  try {
    const card = await /** @type {File} */ (answers.get("card")).text();
    const upload = await beginOrGoOn(url, card, weights);
    await sendFrom(`${url}${upload.id}/`, weights, upload.offset, (sent) => {
      bar.value = sent / weights.size;
      said.textContent = `${(sent / 1e6).toFixed(1)} of ${(weights.size / 1e6).toFixed(1)} MB sent`;
    });
    location.reload();
  } catch (error) {
    refusal.textContent = words(error);
    refusal.hidden = false;
    send.disabled = false;
    bar.hidden = said.hidden = true;
  }
});

for (const button of document.querySelectorAll("[data-remove-upload]")) {
  button.addEventListener("click", async () => {
    try {
      await remove(button.getAttribute("data-remove-upload") ?? "");
      location.reload();
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  });
}

/** What is being checked is looked at until it has an end. */
async function follow() {
  const checking = [...document.querySelectorAll("[data-model-upload][data-state=checking]")];
  const url = form?.dataset.modelUploads;
  while (checking.length && url) {
    await pause(LOOK_EVERY_MS);
    if (document.hidden || document.querySelector("dialog[open]")) continue;
    const rows = /** @type {ModelUpload[]|null} */ (await get(url).catch(() => null));
    const states = new Map(rows?.map((row) => [row.id, row.state]));
    if (rows && checking.some((row) => states.get(row.getAttribute("data-model-upload") ?? "") !== "checking")) {
      location.reload();
      return;
    }
  }
}
follow();
