/**
 * The fields of a walk or an audit in their order, which were looked at, and where the reader is. Knows no page and no server.
 *
 * @typedef {{x_l0: number, y_l0: number, looked: boolean}} Field
 */

const SAME_PX = 0.5;

export class Path {
  /**
   * @param {Field[]} fields
   * @param {number} [until] the walk ends before this one: of an audit a part at a time
   * @param {{x_l0: number, y_l0: number}[]} [looks] also those that are on their way to the server
   */
  constructor(fields, until = fields.length, looks = []) {
    this.fields = fields;
    this.until = until;
    this.mark(looks);
    this.index = Math.max(this.#unlooked(0), 0);
  }

  get field() {
    return this.fields[this.index] ?? null;
  }

  get looked() {
    return this.fields.filter(({ looked }) => looked).length;
  }

  get isDone() {
    return this.#unlooked(0) < 0;
  }

  /** The next field that was not looked at, behind this one or from the start. @returns {boolean} whether there is one */
  next() {
    if (this.field) this.field.looked = true;
    const behind = this.#unlooked(this.index + 1);
    const next = behind < 0 ? this.#unlooked(0) : behind;
    if (next >= 0) this.index = next;
    return next >= 0;
  }

  /** @returns {boolean} whether there is one before */
  previous() {
    if (!this.index) return false;
    this.index -= 1;
    return true;
  }

  /** What is known of looks, also those made in another window. @param {{x_l0: number, y_l0: number}[]} looks */
  mark(looks) {
    for (const field of this.fields)
      field.looked ||= looks.some(
        ({ x_l0, y_l0 }) => Math.abs(x_l0 - field.x_l0) <= SAME_PX && Math.abs(y_l0 - field.y_l0) <= SAME_PX,
      );
  }

  /** @param {number} from */
  #unlooked(from) {
    return this.fields.findIndex(({ looked }, index) => index >= from && index < this.until && !looked);
  }
}
