/**
 * The slide's overview under its tiles: seen at once, also where a link opens the slide far in, and still there wherever a
 * tile has not come yet, so that nothing flashes.
 */

export class Overview {
  /** @param {import("./slide_view.js").SlideView} view */
  constructor(view) {
    this.view = view;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "overview";
    this.image = new Image();
    this.image.fetchPriority = "high";
    /** @type {((bitmap: ImageBitmap) => Promise<ImageBitmap>)|null} */
    this.recolour = null;
    view.element.prepend(this.canvas);
    this.image.addEventListener("load", () => this.paint());
    this.image.src = view.slide.thumbnail_url;
    view.addEventListener("frame", () => this.#place());
    view.opened.then(() => this.#place());
  }

  async paint() {
    if (!this.image.naturalWidth) return;
    const wanted = this.recolour;
    const bitmap = await createImageBitmap(this.image);
    const drawn = wanted ? await wanted(bitmap) : bitmap;
    if (wanted !== this.recolour) return;
    Object.assign(this.canvas, { width: drawn.width, height: drawn.height });
    this.canvas.getContext("2d")?.drawImage(drawn, 0, 0);
    this.#place();
  }

  #place() {
    const { width, height } = this.canvas;
    if (!this.image.naturalWidth || !this.view.osd.world.getItemCount()) return;
    const { a, b, c, d, e, f } = this.view.affine();
    const [x, y] = [this.view.slide.width / width, this.view.slide.height / height];
    this.canvas.style.transform = `matrix(${a * x}, ${b * x}, ${c * y}, ${d * y}, ${e}, ${f})`;
  }
}
