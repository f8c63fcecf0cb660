/** Labels and reasons: words, keys, marks. */

/** @typedef {import("./types.js").Label} Label */

/** @type {{label: Label, word: string, key: string, mark: "yes"|"no"|"unsure", css: string}[]} */
export const LABELS = [
  { label: "mitosis", word: "Mitosis", key: "1", mark: "yes", css: "yes" },
  { label: "not_mitosis", word: "Not mitosis", key: "2", mark: "no", css: "no" },
  { label: "unsure", word: "Unsure", key: "3", mark: "unsure", css: "open" },
];

/** Each means "not mitosis" with this reason. */
export const REASONS = [
  { reason: "apoptotic", word: "Apoptotic", key: "4" },
  { reason: "pyknotic", word: "Pyknotic", key: "5" },
  { reason: "lymphocyte", word: "Lymphocyte", key: "6" },
  { reason: "crush", word: "Crush", key: "7" },
  { reason: "early_prophase", word: "Early prophase", key: "8" },
  { reason: "out_of_focus", word: "Out of focus", key: "9" },
  { reason: "other", word: "Other", key: "0" },
];

/** @param {(label: Label, reason?: string) => void} judge @returns {import("../viewer/keys.js").Binding[]} */
export function verdictKeys(judge) {
  const press = (/** @type {string} */ pressed) => {
    const found = LABELS.find(({ key }) => key === pressed);
    if (found) judge(found.label);
    else judge("not_mitosis", REASONS.find(({ key }) => key === pressed)?.reason);
  };
  return [
    { keys: LABELS.map(({ key }) => key), words: "mitosis, not mitosis, unsure", run: press },
    { keys: REASONS.map(({ key }) => key), shown: ["4", "…", "9", "0"], words: "not mitosis, with its reason", run: press },
  ];
}

/** @param {string} label */
export const wordOf = (label) =>
  label === "withdrawn" ? "open" : (LABELS.find((entry) => entry.label === label)?.word.toLowerCase() ?? label);
/** @param {string} reason */
export const reasonWord = (reason) => REASONS.find((entry) => entry.reason === reason)?.word.toLowerCase() ?? "";
/** @param {string} label @returns {"yes"|"no"|"unsure"|"open"} */
export const markOf = (label) => LABELS.find((entry) => entry.label === label)?.mark ?? "open";
