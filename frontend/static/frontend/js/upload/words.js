/** An upload in words: what its row shows. Pure, so that it can be read and tested alone. */

/**
 * @typedef {import("./server_rows.js").ServerUpload} ServerUpload
 * @typedef {{icon: string, tone: string, word: string, fact: string, percent?: number, bar?: string, step?: string, stopped?: boolean, actions: string[]}} Shown
 */

const STEPS = ["received", "checked", "de-identified", "tiled", "ready"];
/** The server's finer steps → how many of ours are done then. */
const DONE = { received: 1, "hash equal": 1, opened: 2, "de-identified": 3, tiled: 4, "pixel size": 4, overview: 5, ready: 5 };

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

/** "slide A1", and "Slide 3" of one that was numbered. @param {string|null} label @param {string} [word] */
export function slideName(label, word = "slide") {
  return /^slide /i.test(label ?? "") ? label : `${word} ${label}`;
}

/**
 * What is done, what is being done (or stopped) and what is open after a file has come.
 * @param {string} step
 * @param {boolean} [stopped]
 * @returns {Array<{name: string, state: "done"|"now"|"stop"|"open"}>}
 */
export function steps(step, stopped = false) {
  const done = DONE[/** @type {keyof typeof DONE} */ (step)] ?? 1;
  return STEPS.map((name, at) => ({ name, state: at < done ? "done" : at > done ? "open" : stopped ? "stop" : "now" }));
}

/**
 * @param {import("./sending.js").Sending} sending
 * @param {number} place in the queue, from 1
 * @returns {Shown}
 */
export function ofSending(sending, place) {
  const total = sending.size;
  const percent = total ? Math.floor((100 * sending.sent) / total) : 0;
  const progress = `${size(sending.sent)} of ${size(total)}`;
  const actions = { pausing: ["pause", "remove"], going: ["go", "remove"], ended: ["remove"] };
  switch (sending.state) {
    case "waiting":
      return {
        icon: "circle-dashed",
        tone: "",
        word: "Waiting",
        fact: `number ${place} in the queue`,
        percent,
        bar: "still",
        actions: actions.ended,
      };
    case "comparing":
      return {
        icon: "search",
        tone: "accent",
        word: "Comparing",
        fact: "a slide of this size is here; looks whether it is the same",
        actions: actions.pausing,
      };
    case "known":
      return ofKnown(/** @type {import("./sending.js").Known} */ (sending.known));
    case "sending": {
      const left = sending.speed > 0 ? `, ${size(sending.speed)}/s, ${duration((total - sending.sent) / sending.speed)} left` : "";
      return {
        icon: "upload",
        tone: "accent",
        word: `${percent} %`,
        fact: progress + left,
        percent,
        bar: "",
        actions: actions.pausing,
      };
    }
    case "paused":
      return { icon: "pause", tone: "", word: "Paused", fact: `at ${progress}`, percent, bar: "still", actions: actions.going };
    case "lost": {
      const wait = Math.max(0, Math.ceil((sending.nextTryAt - Date.now()) / 1000));
      const fact = `${sentence(lower(sending.reason)) || `continues by itself at ${size(sending.sent)},`} next try in ${wait} s`;
      return {
        icon: sending.reason ? "clock" : "wifi-off",
        tone: "warn",
        word: sending.reason ? "Waiting" : "Connection lost",
        fact,
        percent,
        bar: "still",
        actions: actions.going,
      };
    }
    case "signed-out":
      return {
        icon: "log-in",
        tone: "warn",
        word: "Signed out",
        fact: "sign in again in another window, then go on",
        percent,
        bar: "still",
        actions: actions.going,
      };
    case "refused":
      return { icon: "file-x", tone: "bad", word: "Refused", fact: lower(sending.reason), actions: actions.ended };
    default:
      return { icon: "loader", tone: "accent", word: "Checking", fact: "", step: "received", actions: actions.ended };
  }
}

/** @param {import("./sending.js").Known} known @returns {Shown} */
function ofKnown(known) {
  const open = known.ready ? ["open-known"] : [];
  if (known.same_case)
    return {
      icon: "copy",
      tone: "",
      word: "Already here",
      fact: `the same file as ${slideName(known.label)} of this case. Nothing was sent.`,
      actions: [...open, "remove"],
    };
  return {
    icon: "copy",
    tone: "warn",
    word: "In another case",
    fact: `the same file is ${slideName(known.label)} of case ${known.accession}. Nothing was sent.`,
    actions: [...open, "send", "remove"],
  };
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
  const several = row.bundle_files > 1;
  switch (row.state) {
    case "uploading":
      if (moving || !row.mine) {
        const fact = `${progress}, sent ${row.mine ? "from another window" : `by ${row.by}`}`;
        return { icon: "upload", tone: "accent", word: `${percent} %`, fact, percent, bar: moving ? "" : "still", actions: remove };
      }
      return {
        icon: "pause",
        tone: "warn",
        word: "Stopped",
        fact: `at ${progress}; choose the ${several ? "folder" : "file"} again to continue`,
        percent,
        bar: "still",
        actions: [several ? "choose-folder" : "choose", ...remove],
      };
    case "checking":
      if (row.step === "stopped")
        return {
          icon: "circle-alert",
          tone: "bad",
          word: "Check stopped",
          fact: lower(row.reason),
          actions: row.mine ? ["check", "remove"] : [],
        };
      if (row.waiting) return { icon: "clock", tone: "", word: "Waiting", fact: "for its check", step: row.step, actions: remove };
      return { icon: "loader", tone: "accent", word: "Checking", fact: "", step: row.step, actions: remove };
    case "waiting":
      return {
        icon: "shield",
        tone: "warn",
        word: "Waits for an administrator",
        fact: row.reason,
        step: "opened",
        stopped: true,
        actions: remove,
      };
    case "ready":
      return {
        icon: "circle-check",
        tone: "yes",
        word: "Ready",
        fact: `as ${slideName(row.slide_label)}${stillNeeds(row)}`,
        actions: ["open", ...remove],
      };
    case "refused":
      if (row.step === "already here") return ofDuplicate(row, remove);
      return {
        icon: "file-x",
        tone: "bad",
        word: "Refused",
        fact: `${lower(row.reason)} Nothing was kept.`,
        step: row.step,
        stopped: true,
        actions: remove,
      };
    default:
      return { icon: "timer", tone: "", word: "Expired", fact: lower(row.reason), actions: remove };
  }
}

/** Its bytes were not kept because of another slide, so what became of that one counts. @param {ServerUpload} row @param {string[]} remove @returns {Shown} */
function ofDuplicate(row, remove) {
  const other = `the same file as ${slideName(row.slide_label)} of this case`;
  switch (row.slide_state) {
    case "ready":
      return { icon: "copy", tone: "", word: "Already here", fact: `${other}. Nothing was kept.`, actions: ["open", ...remove] };
    case "checking":
      return {
        icon: "copy",
        tone: "",
        word: "Already here",
        fact: `${other}, which is still being checked. Nothing was kept.`,
        actions: remove,
      };
    case "quarantine":
      return {
        icon: "copy",
        tone: "",
        word: "Already here",
        fact: `${other}, which waits for an administrator. Nothing was kept.`,
        actions: remove,
      };
    case "refused":
      return {
        icon: "circle-alert",
        tone: "warn",
        word: "Send it again",
        fact: `${other}, which was refused. Nothing was kept.`,
        actions: remove,
      };
    default:
      return {
        icon: "circle-alert",
        tone: "warn",
        word: "Send it again",
        fact: "the slide that was the same file was deleted. Nothing was kept.",
        actions: remove,
      };
  }
}

/** @param {string} text */
function lower(text) {
  return /^[A-Z][a-z ]/.test(text) ? text[0].toLowerCase() + text.slice(1) : text;
}

/** What a ready slide lacks before it can be analysed. @param {import("./server_rows.js").ServerUpload} row */
function stillNeeds(row) {
  if (!row.mpp_known) return "; no pixel size in the file";
  return row.is_asked ? "; waits for an answer" : "";
}

/** @param {string} text */
const sentence = (text) => text && `${text.replace(/[.;]$/, "")};`;
