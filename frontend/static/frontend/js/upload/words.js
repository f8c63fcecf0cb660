/** An upload in words: what its row shows. Pure, so that it can be read and tested alone. */

/**
 * @typedef {{id: string, case: string, accession: string, by: string, mine: boolean, name: string, label: string,
 *   length: number, offset: number, state: string, step: string, reason: string, percent: number,
 *   slide: string|null, slide_label: string|null, mpp_known: boolean, bundle: string|null, bundle_files: number}} ServerUpload
 * @typedef {{icon: string, tone: string, word: string, fact: string, percent?: number, bar?: string, step?: string, actions: string[]}} Shown
 */

const STEPS = ["received", "hash equal", "opened", "pixel size", "overview"];

/** @param {number} count */
export function size(count) {
  const units = ["B", "KB", "MB", "GB"];
  const power = Math.min(3, Math.floor(Math.log10(Math.max(1, count)) / 3));
  const value = count / 1000 ** power;
  return `${power === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/**
 * What is done, what is being done and what is open of a check.
 * @param {string} step
 * @returns {Array<{name: string, state: "done"|"now"|"open"}>}
 */
export function steps(step) {
  const done = STEPS.indexOf(step);
  return STEPS.map((name, at) => ({ name, state: at <= done ? "done" : at === done + 1 ? "now" : "open" }));
}

/**
 * @param {import("./transfer.js").Transfer} transfer
 * @param {number} place in the queue, from 1
 * @returns {Shown}
 */
export function ofTransfer(transfer, place) {
  const total = transfer.file.size;
  const percent = total ? Math.floor((100 * transfer.sent) / total) : 0;
  const progress = `${size(transfer.sent)} of ${size(total)}`;
  const actions = { pausing: ["pause", "remove"], going: ["go", "remove"], ended: ["remove"] };
  switch (transfer.state) {
    case "waiting":
      return { icon: "circle-dashed", tone: "", word: "Waiting", fact: `number ${place} in the queue`, percent, bar: "still", actions: actions.ended };
    case "sending": {
      const left = transfer.speed > 0 ? `, ${size(transfer.speed)}/s, ${duration((total - transfer.sent) / transfer.speed)} left` : "";
      return { icon: "upload", tone: "accent", word: `${percent} %`, fact: progress + left, percent, bar: "", actions: actions.pausing };
    }
    case "paused":
      return { icon: "pause", tone: "", word: "Paused", fact: `at ${progress}`, percent, bar: "still", actions: actions.going };
    case "lost": {
      const wait = Math.max(0, Math.ceil((transfer.nextTryAt - Date.now()) / 1000));
      const fact = `${transfer.reason || `continues by itself at ${size(transfer.sent)}`}, next try in ${wait} s`;
      return { icon: "wifi-off", tone: "warn", word: transfer.reason ? "Waiting" : "Connection lost", fact, percent, bar: "still", actions: actions.going };
    }
    case "signed-out":
      return { icon: "log-in", tone: "warn", word: "Signed out", fact: "sign in again in another window, then go on", percent, bar: "still", actions: actions.going };
    case "refused":
      return { icon: "file-x", tone: "bad", word: "Refused", fact: lower(transfer.reason), actions: actions.ended };
    default:
      return { icon: "loader", tone: "accent", word: "Checking", fact: "", step: "", actions: actions.ended };
  }
}

/**
 * @param {ServerUpload} row
 * @param {boolean} moving whether bytes arrive from another window
 * @returns {Shown}
 */
export function ofServer(row, moving) {
  const remove = row.mine ? ["remove"] : [];
  const percent = row.length ? Math.floor((100 * row.offset) / row.length) : 0;
  const progress = `${size(row.offset)} of ${size(row.length)}`;
  switch (row.state) {
    case "uploading":
      if (moving || !row.mine) {
        const fact = `${progress}, sent ${row.mine ? "from another window" : `by ${row.by}`}`;
        return { icon: "upload", tone: "accent", word: `${percent} %`, fact, percent, bar: moving ? "" : "still", actions: remove };
      }
      return { icon: "pause", tone: "warn", word: "Stopped", fact: `at ${progress}; choose the file again to continue`, percent, bar: "still", actions: ["choose", ...remove] };
    case "checking":
      if (row.step === "stopped") return { icon: "circle-alert", tone: "bad", word: "Check stopped", fact: lower(row.reason), actions: row.mine ? ["check", "remove"] : [] };
      if (!row.slide) return { icon: "clock", tone: "", word: "Received", fact: `waits for the other files of this slide (${row.bundle_files} in all)`, actions: remove };
      return { icon: "loader", tone: "accent", word: "Checking", fact: "", step: row.step, actions: remove };
    case "ready":
      return { icon: "circle-check", tone: "yes", word: "Ready", fact: `as slide ${row.slide_label}${row.mpp_known ? "" : "; no pixel size in the file"}`, actions: ["open", ...remove] };
    case "refused":
      if (row.step === "already here") return { icon: "copy", tone: "", word: "Already here", fact: `${lower(row.reason)} Nothing was kept.`, actions: ["open", ...remove] };
      return { icon: "file-x", tone: "bad", word: "Refused", fact: `${lower(row.reason)} Nothing was kept.`, actions: remove };
    default:
      return { icon: "timer", tone: "", word: "Expired", fact: lower(row.reason), actions: remove };
  }
}

/** @param {string} sentence */
function lower(sentence) {
  return /^[A-Z][a-z ]/.test(sentence) ? sentence[0].toLowerCase() + sentence.slice(1) : sentence;
}
