/** Labels, reasons, phases: words, keys, marks. */

/**
 * @typedef {import("./types.js").Label} Label
 * @typedef {import("./types.js").Phase} Phase
 * @typedef {import("./types.js").Purpose} Purpose
 * @typedef {import("./types.js").Said} Said
 */

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

/** Each means "mitosis" in this phase; with Shift atypical too. Letters for the left hand, which lies on the digits. */
export const PHASES = /** @type {{phase: Phase, word: string, key: string, said: string, short: string}[]} */ ([
  { phase: "prometaphase", word: "Late prophase, prometaphase", key: "q", said: "late prophase or prometaphase", short: "pro" },
  { phase: "metaphase", word: "Metaphase", key: "w", said: "metaphase", short: "met" },
  { phase: "ring", word: "Ring", key: "e", said: "ring", short: "ring" },
  { phase: "anaphase", word: "Anaphase", key: "d", said: "anaphase", short: "ana" },
  { phase: "telophase", word: "Telophase", key: "t", said: "telophase", short: "tel" },
]);
export const ATYPICAL = { word: "Atypical", key: "x" };

export const PURPOSES = /** @type {[Purpose, string][]} */ ([
  ["validate", "Validate"],
  ["correct", "Correct for training"],
]);
export const PURPOSE_HELP =
  "Validate is for the count of this case, Correct for training goes through the model's errors. " +
  "The count takes both alike, the newest verdict in force; training takes the two apart.";

/**
 * @param {(label: Label, more?: Partial<Said>) => void} judge
 * @returns {import("../viewer/keys.js").Binding[]}
 */
export function verdictKeys(judge) {
  const press = (/** @type {string} */ pressed) => {
    const found = LABELS.find(({ key }) => key === pressed);
    if (found) judge(found.label);
    else judge("not_mitosis", { reason: REASONS.find(({ key }) => key === pressed)?.reason });
  };
  return [
    { keys: LABELS.map(({ key }) => key), words: "mitosis, not mitosis, unsure", run: press },
    { keys: REASONS.map(({ key }) => key), shown: ["4", "…", "9", "0"], words: "not mitosis, with its reason", run: press },
  ];
}

/**
 * @param {(phase: Phase, atypical: boolean) => void} judgePhase
 * @param {() => void} markAtypical
 * @returns {import("../viewer/keys.js").Binding[]}
 */
export function phaseKeys(judgePhase, markAtypical) {
  const keys = PHASES.map(({ key }) => key);
  const phaseOf = (/** @type {string} */ pressed) => PHASES.find(({ key }) => pressed.endsWith(key))?.phase ?? "";
  return [
    {
      keys,
      words: "mitosis in a phase, in one press: late prophase, metaphase, ring, anaphase, telophase",
      run: (key) => judgePhase(phaseOf(key), false),
    },
    {
      keys: keys.map((key) => `Shift ${key}`),
      shown: [`Shift ${keys[0]}`, "…", `Shift ${keys.at(-1)}`],
      words: "the same, and atypical",
      run: (key) => judgePhase(phaseOf(key), true),
    },
    { keys: [ATYPICAL.key], words: "atypical mitosis, on and off", run: markAtypical },
  ];
}

/** @param {string} label */
export const wordOf = (label) =>
  label === "withdrawn" ? "open" : (LABELS.find((entry) => entry.label === label)?.word.toLowerCase() ?? label);
/** @param {string} reason */
export const reasonWord = (reason) => REASONS.find((entry) => entry.reason === reason)?.word.toLowerCase() ?? "";
/** @param {Partial<Said>} said */
export const wordsOf = ({ label, reason, phase, atypical }) =>
  [wordOf(label ?? "withdrawn"), reasonWord(reason ?? ""), phaseWord(phase ?? ""), atypical && "atypical"]
    .filter(Boolean)
    .join(", ");
/** For a caption: "met", "met*" where it is atypical, "atyp" without a phase. @param {Partial<Said>} said */
export const shortPhase = ({ phase, atypical }) => {
  const short = PHASES.find((entry) => entry.phase === phase)?.short;
  return short ? `${short}${atypical ? "*" : ""}` : atypical ? "atyp" : "";
};
/** @param {string} phase */
const phaseWord = (phase) => PHASES.find((entry) => entry.phase === phase)?.said ?? "";
/** @param {string} label @returns {"yes"|"no"|"unsure"|"open"} */
export const markOf = (label) => LABELS.find((entry) => entry.label === label)?.mark ?? "open";
