/** The uploads of a page: what the server tells of them joined with what this window is sending. Knows no page. */

import { get, post, request } from "../lib/api.js";
import { hasFolder, stem } from "./pick.js";
import { Sending } from "./sending.js";
import { fileOf, findBegun, joinFiles } from "./server_rows.js";

const AT_ONCE = 2;
const ASK_EVERY_MS = 1500;
const TUS = { "Tus-Resumable": "1.0.0" };
const ENDED = ["refused", "sent", "known"];

/**
 * @typedef {import("./server_rows.js").ServerUpload} ServerUpload
 * @typedef {import("./server_rows.js").ServerFile} ServerFile
 * @typedef {{key: string, server: ServerUpload|null, sending: Sending|null, moving: boolean, gone: boolean, label: string, labelled: boolean, suggested: string, name: string}} Row
 *   name: of the file, as this page knows it: the server forgets it when the check has ended, and who sent it must still
 *   know which file to scan again; label: "" until the server has numbered the slide; suggested: the label that its file's name would give, "" where there is none
 */

export class Queue {
  /**
   * @param {{case: string|null, rows: ServerFile[]}} data
   * @param {{onchange: () => void, onready: () => Promise<boolean>}} told
   *   `onready` shows the slides as they are now; false when it could not, and is told again
   */
  constructor(data, told) {
    this.case = data.case;
    this.told = told;
    /** @type {Row[]} newest first */
    this.rows = [];
    // What the slides depend on, as last listed and as last shown; the page came with the slides of its first list.
    this.states = this.shown = statesOf(data.rows);
    this.unsure = false; // a request of our own changed what the list said last
    this.merge(data.rows);
    this.made = 0;
    setInterval(() => this.tick(), ASK_EVERY_MS);
  }

  /**
   * @param {import("./pick.js").Picked[]} picked
   * @param {{labelsFromNames: boolean}} how a file's name may be a patient's, so it becomes a label only where that is asked for
   */
  add(picked, { labelsFromNames }) {
    for (const one of picked) {
      const free = this.rows.filter((row) => !row.sending && row.server).map((row) => /** @type {ServerUpload} */ (row.server));
      const known = findBegun(free, one);
      const bundle = known ? known.bundle : one.files.length > 1 ? uuid() : null;
      /** @type {Map<File, string>} */
      const urls = new Map();
      /** @type {Set<File>} */
      const there = new Set();
      for (const part of known?.parts ?? []) {
        const file = /** @type {File} */ (fileOf(part, one));
        if (part.state === "uploading") urls.set(file, `/api/uploads/${part.id}/`);
        else there.add(file);
      }
      const label = labelsFromNames ? one.label : "";
      const sending = new Sending({ ...one, label }, { case: this.case ?? known?.case ?? "", bundle, urls, there }, () =>
        this.changed(),
      );
      const row = known && this.rows.find((old) => old.server === known);
      if (row) Object.assign(row, { sending, suggested: one.label, name: one.name });
      else
        this.rows.unshift({
          key: `new-${++this.made}`,
          server: null,
          sending,
          moving: false,
          gone: false,
          label,
          labelled: false,
          suggested: one.label,
          name: one.name,
        });
    }
    this.changed();
  }

  /** Rows that this window holds a place for, first come first served. */
  get waiting() {
    return this.rows.filter((row) => row.sending?.state === "waiting").reverse();
  }

  /** Rows of which this window has still something to send. */
  get active() {
    return this.rows.filter((row) => row.sending && !ENDED.includes(row.sending.state));
  }

  changed() {
    if (this.rows.some((row) => row.sending?.state === "sent" && !row.server)) this.ask();
    // What waits for room or for another window keeps nobody else from being sent.
    const isBusy = (/** @type {Sending|null} */ one) =>
      one && (["sending", "comparing"].includes(one.state) || (one.state === "lost" && !one.reason));
    const busy = this.rows.filter((row) => isBusy(row.sending));
    // One after the other until it has its number: slides are numbered in the order in which they were chosen.
    const hasPlace = (/** @type {Sending|null} */ one) => one?.isPlaced || one?.state === "lost";
    if (busy.length < AT_ONCE && busy.every((row) => hasPlace(row.sending))) this.waiting[0]?.sending?.start();
    this.told.onchange();
  }

  /** Ask the server while something moves or the page is behind; count seconds while a connection is lost. */
  tick() {
    if (this.rows.some((row) => row.sending?.state === "lost")) this.told.onchange();
    const open = this.rows.some(
      (row) =>
        row.sending?.state === "sent" ||
        (row.server && (["uploading", "checking"].includes(row.server.state) || row.server.slide_state === "checking")),
    );
    if ((open || this.unsure || this.states !== this.shown) && !document.hidden) this.ask();
  }

  async ask() {
    if (this.asking) return;
    this.asking = true;
    const wasUnsure = this.unsure;
    this.unsure = false; // here, not below: what changes while the answer is on its way is not in it
    try {
      const found = await get(this.case ? `/api/uploads/?case=${this.case}` : "/api/uploads/");
      this.states = statesOf(found);
      await this.showSlides(); // first: no row tells of a slide whose card is still to change
      this.merge(found);
      this.told.onchange();
    } catch (error) {
      this.unsure ||= wasUnsure;
      console.info("The list of uploads was not reached", error); // asked again at the next tick
    } finally {
      this.asking = false;
    }
  }

  /** Slides that do not come are asked for again at the next tick; the rows do not wait for them. */
  async showSlides() {
    if (this.states === this.shown) return;
    try {
      if (await this.told.onready()) this.shown = this.states;
    } catch (error) {
      console.info("The slides were not reached", error);
    }
  }

  /** @param {ServerFile[]} found newest first */
  merge(found) {
    const uploads = joinFiles(found);
    for (const server of [...uploads].reverse()) {
      const row = this.rowOf(server);
      if (!row) {
        if (this.isBeingMade(server)) continue; // its answer is on the way; the next list finds its row
        this.rows.unshift({
          key: server.key,
          server,
          sending: null,
          moving: false,
          gone: false,
          label: server.label,
          labelled: true,
          suggested: suggestedFor(server),
          name: server.name,
        });
        continue;
      }
      const before = row.server;
      row.moving = before?.state === "uploading" && server.offset > before.offset;
      row.server = server;
      row.name ||= server.name;
      if (server.bundle) row.sending?.adopt(server.parts);
      if (server.state !== "uploading") row.sending = null;
      else if (row.sending?.state === "sent") this.knock(server);
      if (!row.labelled) this.keepLabel(row);
    }
    const keys = new Set(uploads.map((server) => server.key));
    this.rows = this.rows.filter((row) => !row.gone && (row.sending || !row.server || keys.has(row.server.key)));
  }

  /** The row that sends it, else the one that shows it; a second one goes. */
  rowOf(/** @type {ServerUpload} */ server) {
    const found = this.rows.filter((row) => row.sending?.key === server.key || row.server?.key === server.key);
    const row = found.find((one) => one.sending) ?? found[0];
    if (found.length > 1) this.rows = this.rows.filter((one) => one === row || !found.includes(one));
    return row;
  }

  isBeingMade(/** @type {ServerUpload} */ server) {
    return (
      server.mine &&
      this.rows.some(({ sending }) => sending && !sending.key && sending.size === server.length && sending.name === server.name)
    );
  }

  /** All bytes are there but the server was stopped before it said so: an empty piece makes it finish. */
  knock(/** @type {ServerUpload} */ server) {
    for (const { id, length } of server.parts.filter((part) => part.state === "uploading" && part.offset === part.length)) {
      const headers = { ...TUS, "Upload-Offset": String(length), "Content-Type": "application/offset+octet-stream" };
      request("PATCH", `/api/uploads/${id}/`, { headers }).catch((error) => console.info("Not finished yet", error));
    }
  }

  /** A label typed before the server knew the file. */
  async keepLabel(/** @type {Row} */ row) {
    row.labelled = true;
    if (row.server && !row.label) row.label = row.server.label;
    else if (row.server && row.label !== row.server.label) await this.relabel(row, row.label);
  }

  /**
   * @param {Row} row
   * @param {string} label
   */
  async relabel(row, label) {
    const before = row.label;
    row.label = label;
    if (!row.server) {
      row.labelled = false;
      return;
    }
    try {
      for (const { id } of row.server.parts) row.label = (await post(`/api/uploads/${id}/`, { label })).label ?? label;
    } catch (error) {
      row.label = before;
      throw error;
    }
    row.server.label = row.label;
    this.unsure = true;
  }

  /** @param {Row} row */
  async checkAgain(row) {
    await post(`/api/uploads/${row.server?.id}/`, { check_again: true });
    this.unsure = true;
    await this.ask();
  }

  /** @param {Row} row */
  async remove(row) {
    const all = new Set([...(row.server?.parts.map((part) => part.id) ?? []), ...(row.sending?.ids ?? [])]);
    const goesWhole = !row.server || ["uploading", "checking"].includes(row.server.state);
    const ids = goesWhole ? [...all].slice(0, 1) : [...all]; // what is on its way goes with all files of its slide
    row.sending?.drop();
    row.sending = null;
    row.gone = true;
    this.rows = this.rows.filter((one) => one !== row);
    this.changed();
    for (const id of ids) await request("DELETE", `/api/uploads/${id}/`, { headers: TUS });
    this.unsure = true;
  }

  /** @param {boolean} paused */
  pauseAll(paused) {
    for (const { sending } of this.rows) {
      if (paused && sending && ["sending", "lost", "waiting", "comparing"].includes(sending.state)) sending.pause();
      if (!paused && sending?.state === "paused") sending.wait();
    }
  }
}

function uuid() {
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

/** Instances of a series have names that say nothing. @param {ServerUpload} server */
function suggestedFor({ name, bundle_files: count }) {
  return name && (count === 1 || hasFolder(name)) ? stem(name) : "";
}

/** What the slides of these uploads depend on. @param {ServerFile[]} uploads */
function statesOf(uploads) {
  return uploads
    .filter((server) => server.state !== "uploading")
    .map((server) => `${server.id} ${server.state}`)
    .join();
}
