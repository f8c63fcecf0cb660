/** All files of one slide on their way: first compared with what is here, then sent one after the other. */

import { post } from "../lib/api.js";
import { hashOfAll } from "./hashes.js";
import { Transfer } from "./transfer.js";

const SPEED_OVER_MS = 5000;

/**
 * @typedef {import("./transfer.js").TransferState} TransferState
 * @typedef {{possible: boolean, slide: string|null, label: string, accession: string, same_case: boolean, ready: boolean}} Known
 */

export class Sending {
  /**
   * @param {import("./pick.js").Picked} picked
   * @param {{case: string, bundle: string|null, urls: Map<File, string>, there: Set<File>}} wanted `urls` continue
   *   uploads that the server knows; files that are `there` arrived before
   * @param {() => void} onchange
   */
  constructor(picked, wanted, onchange) {
    this.name = picked.name;
    this.case = wanted.case;
    this.bundle = wanted.bundle;
    this.files = picked.files.map(({ file }) => file);
    this.size = this.files.reduce((sum, file) => sum + file.size, 0);
    this.onchange = onchange;
    /** @type {TransferState} its own, while none of its files is on its way */
    this.own = "waiting";
    /** @type {Known|null} */
    this.known = null;
    this.isCompared = wanted.urls.size > 0 || wanted.there.size > 0; // what was begun is finished
    this.there = [...wanted.there].reduce((sum, file) => sum + file.size, 0);
    /** @type {Array<[number, number]>} time and bytes, over the last seconds */
    this.samples = [];
    const of = { case: wanted.case, label: picked.label, bundle: wanted.bundle, bundleFiles: picked.files.length };
    this.transfers = picked.files
      .filter(({ file }) => !wanted.there.has(file))
      .map(({ file, path }) => new Transfer(file, { ...of, path, url: wanted.urls.get(file) }, (transfer) => this.heard(transfer)));
  }

  get current() {
    return this.transfers.find((transfer) => transfer.state !== "sent") ?? this.transfers.at(-1);
  }

  /** @returns {TransferState} */
  get state() {
    return this.own === "sending" ? (this.current?.state ?? "sent") : this.own;
  }

  /** @returns {string|null} what the server's rows of it have in common, null before there is one */
  get key() {
    return this.bundle ?? this.transfers[0]?.id ?? null;
  }

  get ids() {
    return this.transfers.map((transfer) => transfer.id).filter((id) => id !== null);
  }

  /** Whether the server has given the slide its place, and with it the number that is free. */
  get isPlaced() {
    return this.there > 0 || this.ids.length > 0;
  }

  get sent() {
    return this.transfers.reduce((sum, transfer) => sum + transfer.sent, this.there);
  }

  get reason() {
    return this.current?.reason ?? "";
  }

  get nextTryAt() {
    return this.current?.nextTryAt ?? 0;
  }

  /** @returns {number} bytes a second over the last seconds, 0 when not known yet */
  get speed() {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || last[0] - first[0] < 500) return 0;
    return (1000 * (last[1] - first[1])) / (last[0] - first[0]);
  }

  get isComparing() {
    return this.own === "comparing";
  }

  async start() {
    if (this.isComparing) return;
    if (!this.isCompared) {
      this.become("comparing");
      const known = await this.compare();
      if (!this.isComparing) return; // paused or dropped meanwhile
      this.isCompared = true;
      if (known?.slide) {
        this.known = known;
        return this.become("known");
      }
    }
    this.samples = [];
    this.own = "sending";
    this.current?.start();
    this.changed();
  }

  /** Whether it is here already. Only where a slide of this length is here is the hash waited for. @returns {Promise<Known|null>} */
  async compare() {
    const question = { case: this.case, length: this.size };
    try {
      if (!(await post("/api/uploads/known/", question)).possible) return null;
      return await post("/api/uploads/known/", { ...question, sha256: await hashOfAll(this.files) });
    } catch (error) {
      console.info("Not compared", error); // sending meets the same trouble and says what it is
      return null;
    }
  }

  /** A file whose answer got lost when it was made is the server's row of that name. @param {import("./server_rows.js").ServerFile[]} parts */
  adopt(parts) {
    const taken = new Set(this.ids);
    for (const transfer of this.transfers) {
      const part =
        !transfer.id &&
        parts.find(({ id, name, length }) => !taken.has(id) && name === transfer.file.name && length === transfer.file.size);
      if (!part) continue;
      taken.add(part.id);
      transfer.upload.url = `/api/uploads/${part.id}/`;
    }
  }

  pause() {
    if (this.own === "sending" && this.current?.state !== "sent") this.current?.pause();
    else this.become("paused");
  }

  drop() {
    this.onchange = () => {};
    this.own = "paused";
    for (const transfer of this.transfers) transfer.drop();
  }

  /** A place in the queue again. */
  wait() {
    this.become("waiting");
  }

  /** One file changed; the next begins when it has arrived. @param {Transfer} transfer */
  heard(transfer) {
    const now = performance.now();
    this.samples.push([now, this.sent]);
    while (this.samples.length > 2 && now - this.samples[0][0] > SPEED_OVER_MS) this.samples.shift();
    const next = this.current;
    if (transfer.state === "sent" && this.own === "sending" && next?.state === "waiting") next.start();
    else this.changed();
  }

  /** @param {TransferState} state */
  become(state) {
    this.own = state;
    this.changed();
  }

  changed() {
    this.onchange();
  }
}
