/**
 * What people say of the items: as the server has it, with what still waits here. A comment is withdrawn by a row of its own.
 *
 * @typedef {import("./types.js").Comment} Comment
 * @typedef {import("./types.js").CommentBody} CommentBody
 * @typedef {import("./types.js").Reader} Reader
 * @typedef {{id: string, author: Reader, at: string|null, text: string, reply_to: string|null, withdrawn: boolean, waiting: boolean}} Shown
 * @typedef {Shown & {replies: Shown[]}} Thread
 */

export class Comments {
  /** @param {Reader} me */
  constructor(me) {
    this.me = me;
    /** By item, then by their own id. @type {Map<string, Map<string, Comment>>} */
    this.given = new Map();
    /** Mine that the server has not confirmed yet, oldest first. @type {{key: string, body: CommentBody}[]} */
    this.waiting = [];
  }

  /** @param {string} key of the item @param {Comment} comment */
  take(key, comment) {
    const rows = this.given.get(key) ?? new Map();
    rows.set(comment.id, comment);
    this.given.set(key, rows);
  }

  /** Oldest first, withdrawn ones in their place. @param {string} key @returns {Shown[]} */
  list(key) {
    const given = [...(this.given.get(key)?.values() ?? [])].sort((a, b) => a.revision - b.revision);
    const waiting = this.waiting.filter((entry) => entry.key === key && !this.given.get(key)?.has(entry.body.id));
    const gone = new Set([...given, ...waiting.map(({ body }) => body)].map(({ withdraws }) => withdraws).filter(Boolean));
    const said = given.filter(({ withdraws }) => !withdraws);
    const saying = waiting.map(({ body }) => body).filter(({ withdraws }) => !withdraws);
    return [
      ...said.map(({ id, author, at, text, reply_to, withdrawn }) => {
        return { id, author, at, text, reply_to, withdrawn: withdrawn || gone.has(id), waiting: false };
      }),
      ...saying.map(({ id, text = "", reply_to = null }) => {
        return { id, author: this.me, at: null, text, reply_to, withdrawn: gone.has(id), waiting: true };
      }),
    ];
  }

  /** With the answers under what they answer; an answer to what is not shown here stands alone. @param {string} key @returns {Thread[]} */
  threads(key) {
    const rows = this.list(key);
    const known = new Set(rows.map(({ id }) => id));
    const isAnswer = (/** @type {Shown} */ { reply_to }) => reply_to !== null && known.has(reply_to);
    return rows
      .filter((row) => !isAnswer(row))
      .map((row) => ({ ...row, replies: rows.filter(({ reply_to }) => reply_to === row.id) }));
  }

  /** Those that still stand. @param {string} key */
  standing(key) {
    if (!this.given.has(key) && !this.waiting.length) return [];
    return this.list(key).filter(({ withdrawn }) => !withdrawn);
  }
}
