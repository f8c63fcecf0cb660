/** The uploads of a page: what the server tells of them joined with what this window is sending. Knows no page. */

import { get, post, request } from "../lib/api.js";
import { Transfer } from "./transfer.js";

const AT_ONCE = 2;
const ASK_EVERY_MS = 1500;
const TUS = { "Tus-Resumable": "1.0.0" };

/**
 * @typedef {import("./words.js").ServerUpload} ServerUpload
 * @typedef {{key: string, server: ServerUpload|null, transfer: Transfer|null, moving: boolean, gone: boolean, label: string, labelled: boolean}} Row
 */

export class Queue {
  /**
   * @param {{case: string|null, rows: ServerUpload[]}} data
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

  /** @param {import("./pick.js").Picked[]} picked */
  add(picked) {
    for (const { file, label, bundle, bundleFiles } of picked) {
      const known = this.rows.find((row) => !row.transfer && row.server?.mine && row.server.state === "uploading" && row.server.name === file.name && row.server.length === file.size);
      const wanted = { case: this.case ?? known?.server?.case ?? "", label, bundle, bundleFiles, url: known ? `/api/uploads/${known.server?.id}/` : null };
      const transfer = new Transfer(file, wanted, () => this.changed());
      if (known) known.transfer = transfer;
      else this.rows.unshift({ key: `new-${++this.made}`, server: null, transfer, moving: false, gone: false, label, labelled: false });
    }
    this.changed();
  }

  /** Rows that this window holds a place for, first come first served. */
  get waiting() {
    return this.rows.filter((row) => row.transfer?.state === "waiting").reverse();
  }

  changed() {
    for (const row of this.rows) {
      if (row.transfer?.state === "sent" && !row.server) this.ask();
    }
    const busy = this.rows.filter((row) => ["sending", "lost"].includes(row.transfer?.state ?? "")).length;
    for (const row of this.waiting.slice(0, Math.max(0, AT_ONCE - busy))) row.transfer?.start();
    this.told.onchange();
  }

  /** Ask the server while something moves or the page is behind; count seconds while a connection is lost. */
  tick() {
    if (this.rows.some((row) => row.transfer?.state === "lost")) this.told.onchange();
    const open = this.rows.some((row) => row.transfer?.state === "sent" || (row.server && ["uploading", "checking"].includes(row.server.state)));
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

  /** @param {ServerUpload[]} found newest first */
  merge(found) {
    for (const server of [...found].reverse()) {
      const row = this.rowOf(server);
      if (!row) {
        if (this.isBeingMade(server)) continue; // its answer is on the way; the next list finds its row
        this.rows.unshift({ key: server.id, server, transfer: null, moving: false, gone: false, label: server.label, labelled: true });
        continue;
      }
      const before = row.server;
      row.moving = before?.state === "uploading" && server.offset > before.offset;
      row.server = server;
      if (server.state !== "uploading") row.transfer = null;
      else if (row.transfer?.state === "sent") this.knock(server);
      if (!row.labelled) this.keepLabel(row);
    }
    const ids = new Set(found.map((server) => server.id));
    this.rows = this.rows.filter((row) => !row.gone && (row.transfer || !row.server || ids.has(row.server.id)));
  }

  /** The row that sends it, else the one that shows it; a second one goes. */
  rowOf(/** @type {ServerUpload} */ server) {
    const found = this.rows.filter((row) => row.transfer?.id === server.id || row.server?.id === server.id);
    const row = found.find((one) => one.transfer) ?? found[0];
    if (found.length > 1) this.rows = this.rows.filter((one) => one === row || !found.includes(one));
    return row;
  }

  isBeingMade(/** @type {ServerUpload} */ server) {
    return server.mine && this.rows.some(({ transfer }) => transfer && !transfer.id && transfer.file.size === server.length && transfer.file.name === server.name);
  }

  /** All bytes are there but the server was stopped before it said so: an empty piece makes it finish. */
  knock(/** @type {ServerUpload} */ server) {
    const headers = { ...TUS, "Upload-Offset": String(server.length), "Content-Type": "application/offset+octet-stream" };
    return request("PATCH", `/api/uploads/${server.id}/`, { headers }).catch((error) => console.info("Not finished yet", error));
  }

  /** A label typed before the server knew the file. */
  async keepLabel(/** @type {Row} */ row) {
    row.labelled = true;
    if (row.server && row.label !== row.server.label) await this.relabel(row, row.label);
  }

  /**
   * @param {Row} row
   * @param {string} label
   */
  async relabel(row, label) {
    row.label = label;
    if (!row.server) return void (row.labelled = false);
    row.server = await post(`/api/uploads/${row.server.id}/`, { label });
    row.label = row.server?.label ?? label;
    this.unsure = true;
  }

  /** @param {Row} row */
  async checkAgain(row) {
    row.server = await post(`/api/uploads/${row.server?.id}/`, { check_again: true });
    this.unsure = true;
    this.told.onchange();
  }

  /** @param {Row} row */
  async remove(row) {
    const id = row.server?.id ?? row.transfer?.id;
    row.transfer?.drop();
    row.transfer = null;
    row.gone = true;
    this.rows = this.rows.filter((one) => one !== row);
    this.changed();
    if (id) await request("DELETE", `/api/uploads/${id}/`, { headers: TUS });
    this.unsure = true;
  }

  /** @param {boolean} paused */
  pauseAll(paused) {
    for (const { transfer } of this.rows) {
      if (paused && transfer && ["sending", "lost", "waiting"].includes(transfer.state)) transfer.pause();
      if (!paused && transfer?.state === "paused") transfer.become("waiting");
    }
  }
}

/** What the slides of these uploads depend on. @param {ServerUpload[]} uploads */
function statesOf(uploads) {
  return uploads.filter((server) => server.state !== "uploading").map((server) => `${server.id} ${server.state}`).join();
}
