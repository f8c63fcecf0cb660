/** One file on its way to the server: tus with our own patience. Knows no page; tells `onchange` when something changed. */

import { csrfToken } from "../lib/api.js";
import { hashOf, Unreadable } from "./hashes.js";

const ENDPOINT = "/api/uploads/";
const CHUNK = 16 * 1024 * 1024;
const FIRST_PAUSE_S = 1;
const LONGEST_PAUSE_S = 30;
const UNREADABLE = "the file was changed, moved or cannot be read; choose it again";

/**
 * @typedef {"waiting"|"comparing"|"sending"|"paused"|"lost"|"sent"|"refused"|"signed-out"|"known"} TransferState
 * @typedef {{case: string, label: string, bundle?: string|null, bundleFiles?: number, path?: string, url?: string|null}} Wanted
 */

export class Transfer {
  /**
   * @param {File} file
   * @param {Wanted} wanted `url` continues an upload that the server knows
   * @param {(transfer: Transfer) => void} onchange
   */
  constructor(file, wanted, onchange) {
    this.file = file;
    this.onchange = onchange;
    /** @type {TransferState} */
    this.state = "waiting";
    this.sent = 0;
    this.reason = "";
    this.nextTryAt = 0;
    this.pauseS = FIRST_PAUSE_S;
    this.upload = this.makeUpload(wanted);
  }

  /** @param {Wanted} wanted */
  makeUpload(wanted) {
    const metadata = { filename: this.file.name, case: wanted.case };
    if (wanted.label) Object.assign(metadata, { label: wanted.label }); // else the server numbers the slide
    if (wanted.bundle)
      Object.assign(metadata, { bundle: wanted.bundle, bundle_files: String(wanted.bundleFiles), path: wanted.path });
    return new tus.Upload(this.file, {
      endpoint: ENDPOINT,
      uploadUrl: wanted.url ?? null,
      chunkSize: CHUNK,
      metadata,
      retryDelays: null,
      storeFingerprintForResuming: false, // the server's list of uploads is what a reload goes on from
      onBeforeRequest: (request) => this.prepare(request),
      onUploadUrlAvailable: () => this.changed(),
      onProgress: (sent) => this.progress(sent),
      onChunkComplete: () => (this.pauseS = FIRST_PAUSE_S),
      onSuccess: () => this.ended(),
      onError: (error) => this.failed(error),
    });
  }

  /** @returns {string|null} the id the server gave */
  get id() {
    return this.upload.url?.match(/uploads\/([0-9a-f-]{36})\//)?.[1] ?? null;
  }

  start() {
    if (this.state === "sending") return; // starting tells the queue, which may start the next ones from there
    clearTimeout(this.timer);
    this.become("sending");
    this.upload.start();
  }

  pause() {
    clearTimeout(this.timer);
    this.upload.abort();
    this.become("paused");
  }

  /** Stop for good; nothing more is told. */
  drop() {
    clearTimeout(this.timer);
    this.onchange = () => {};
    this.upload.abort();
  }

  /** The piece that completes the file brings the hash of all of it. */
  async prepare(/** @type {tus.HttpRequest} */ request) {
    request.setHeader("X-CSRFToken", csrfToken());
    const offset = Number(request.getHeader("Upload-Offset"));
    if (request.getMethod() === "PATCH" && offset + CHUNK >= this.file.size) {
      request.setHeader("Upload-Sha256", await hashOf(this.file));
    }
  }

  /** @param {number} sent */
  progress(sent) {
    this.sent = sent;
    this.changed();
  }

  ended() {
    this.sent = this.file.size;
    this.become("sent");
  }

  /** @param {tus.DetailedError} error */
  failed(error) {
    const status = error.originalResponse?.getStatus() ?? 0;
    const unreadable = error instanceof Unreadable || (error.causingError ?? error)?.name === "NotReadableError";
    if (unreadable || error.causingError instanceof Unreadable) return this.refuse(UNREADABLE);
    if (status === 405 || status === 501) this.upload.options.overridePatchMethod = true; // a proxy that knows no PATCH
    if (status === 401) return this.become("signed-out");
    const passing = status === 0 || status >= 500 || [405, 408, 409, 423, 429].includes(status);
    const sentence = sentenceOf(error.originalResponse);
    if (!passing) return this.refuse(sentence || `the server answered ${status}`);
    this.reason = [423, 429, 507].includes(status) ? sentence : "";
    this.nextTryAt = Date.now() + this.pauseS * 1000;
    this.timer = setTimeout(() => this.start(), this.pauseS * 1000);
    this.pauseS = Math.min(LONGEST_PAUSE_S, this.pauseS * 2);
    this.become("lost");
  }

  /** @param {string} reason */
  refuse(reason) {
    this.reason = reason;
    this.become("refused");
  }

  /** @param {TransferState} state */
  become(state) {
    this.state = state;
    this.changed();
  }

  changed() {
    this.onchange(this);
  }
}

/** @param {tus.HttpResponse|null|undefined} response */
function sentenceOf(response) {
  try {
    return JSON.parse(response?.getBody() ?? "").detail ?? "";
  } catch {
    return "";
  }
}
