/** Small makers of what the server would send, and a storage and a page that last as long as one test. */

export const ME = { id: 1, username: "rosa", initials: "RS" };
export const OTHER = { id: 2, username: "emil", initials: "EM" };

/** @param {Partial<import("../../frontend/static/frontend/js/review/types.js").Detection> & {id: number}} detection */
export const detection = ({ id, ...more }) => ({
  id,
  number: id,
  x_l0: 100 * id,
  y_l0: 100,
  probability: 0.8,
  mitosis: true,
  explained: false,
  revision: 1,
  ...more,
});

/** @param {Partial<import("../../frontend/static/frontend/js/review/types.js").Verdict>} verdict */
export const verdict = (verdict) => ({
  id: "v",
  revision: 1,
  detection: null,
  figure: null,
  reader: OTHER,
  label: /** @type {const} */ ("mitosis"),
  reason: "",
  comment: "",
  at: "2026-01-01T00:00:00Z",
  phase: /** @type {const} */ (""),
  atypical: false,
  purpose: /** @type {const} */ ("validate"),
  ...verdict,
});

/** @param {Partial<import("../../frontend/static/frontend/js/review/types.js").Comment> & {id: string}} comment */
export const comment = (comment) => ({
  revision: 1,
  detection: 1,
  figure: null,
  author: OTHER,
  text: comment.id,
  reply_to: null,
  withdraws: null,
  withdrawn: false,
  at: "2026-01-01T00:00:00Z",
  ...comment,
});

/** @param {Partial<import("../../frontend/static/frontend/js/review/types.js").Changes>} changes */
export const changes = (changes) => ({
  revision: 1,
  analysis: /** @type {import("../../frontend/static/frontend/js/review/types.js").Analysis} */ ({ id: "a", state: "done" }),
  detections: [],
  verdicts: [],
  figures: [],
  ...changes,
});

/** @param {Partial<import("../../frontend/static/frontend/js/review/types.js").Item> & {key: string}} item */
export const item = (item) => ({
  kind: /** @type {const} */ ("detection"),
  id: item.key,
  number: 1,
  name: item.key,
  x_l0: 0,
  y_l0: 0,
  probability: 0.5,
  mitosis: true,
  explained: false,
  ...item,
});

/** What a browser's storage does, in memory. @returns {Storage} */
export function memoryStorage() {
  /** @type {Map<string, string>} */
  const entries = new Map();
  return {
    get length() {
      return entries.size;
    },
    key: (index) => [...entries.keys()][index] ?? null,
    getItem: (name) => entries.get(name) ?? null,
    setItem: (name, value) => void entries.set(name, value),
    removeItem: (name) => void entries.delete(name),
    clear: () => entries.clear(),
  };
}
