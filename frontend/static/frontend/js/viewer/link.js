/**
 * Two views that move as one. When the link is made, the places that lie opposite are remembered, with the angle between
 * the slides; from then on whichever view is moved leads, and the other keeps that offset.
 */

/**
 * @typedef {import("./slide_view.js").SlideView} SlideView
 * @typedef {{x_l0: number, y_l0: number, degrees: number}} Anchor
 */

export class Link extends EventTarget {
  on = true;
  #leading = 0;
  #anchors = /** @type {[Anchor, Anchor]|null} */ (null);
  #ratio = 1; // level-0 pixels of the second slide for one of the first

  /** @param {[SlideView, SlideView]} views */
  constructor(views) {
    super();
    this.views = views;
    views.forEach((view, index) => {
      for (const event of ["pointerdown", "wheel", "touchstart", "focusin"])
        view.element.addEventListener(event, () => (this.#leading = index), { capture: true, passive: true });
      view.addEventListener("frame", () => this.#follow(index));
    });
  }

  get leading() {
    return this.#leading;
  }

  /** @param {number} index the view that keys move */
  lead(index) {
    this.#leading = index;
    this.dispatchEvent(new Event("change"));
  }

  /** From what both show now: pixels of the slides by their sizes in µm, else as they are drawn. */
  hold() {
    const [first, second] = this.views;
    this.#anchors = [anchorOf(first), anchorOf(second)];
    this.#ratio = first.mpp && second.mpp ? first.mpp / second.mpp : first.scale() / second.scale();
    this.#follow(this.#leading);
  }

  /** @param {boolean} on */
  set(on) {
    this.on = on;
    if (on) this.hold();
    this.dispatchEvent(new Event("change"));
  }

  /** @param {number} index of the view that was drawn */
  #follow(index) {
    if (!this.on || !this.#anchors || index !== this.#leading) return;
    const [leader, follower] = [this.views[index], this.views[1 - index]];
    const [from, to] = [this.#anchors[index], this.#anchors[1 - index]];
    const ratio = index === 0 ? this.#ratio : 1 / this.#ratio;
    const { x_l0, y_l0 } = leader.centre(true);
    const turn = ((from.degrees - to.degrees) * Math.PI) / 180;
    const [dx, dy] = [(x_l0 - from.x_l0) * ratio, (y_l0 - from.y_l0) * ratio];
    follower.place({
      x_l0: to.x_l0 + dx * Math.cos(turn) - dy * Math.sin(turn),
      y_l0: to.y_l0 + dx * Math.sin(turn) + dy * Math.cos(turn),
      scale: leader.scale() / ratio,
      degrees: leader.osd.viewport.getRotation(true) + to.degrees - from.degrees,
    });
  }
}

/** @param {SlideView} view @returns {Anchor} */
const anchorOf = (view) => ({ ...view.centre(true), degrees: view.osd.viewport.getRotation(true) });
