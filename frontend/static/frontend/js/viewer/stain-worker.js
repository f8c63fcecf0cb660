/**
 * Recolours pictures in optical density, beside the page's own thread. One affine map of the three densities, as the server
 * worked it out for the slide; tables stand in for the logarithm and the power, so that a pixel costs nine additions.
 */

const STEPS_PER_OD = 1024;
const [LOWEST_OD, HIGHEST_OD] = [-0.5, 3.5];

const powers = Uint8ClampedArray.from(
  { length: (HIGHEST_OD - LOWEST_OD) * STEPS_PER_OD + 1 },
  (_, i) => 255 * 10 ** -(LOWEST_OD + i / STEPS_PER_OD),
);

/** For each output colour and each input colour: what its value adds to the density, in steps. @param {number[][]} matrix */
function tablesOf(matrix) {
  return matrix.map(([r, g, b, offset]) =>
    [r, g, b].map((factor, colour) =>
      Float32Array.from({ length: 256 }, (_, value) => {
        const density = -Math.log10(Math.max(1, value) / 255);
        return (factor * density + (colour ? 0 : offset - LOWEST_OD)) * STEPS_PER_OD;
      }),
    ),
  );
}

/** @param {Uint8ClampedArray} rgba changed in place @param {Float32Array[][]} tables */
function recolour(rgba, tables) {
  const last = powers.length - 1;
  const [[rr, rg, rb], [gr, gg, gb], [br, bg, bb]] = tables;
  for (let i = 0; i < rgba.length; i += 4) {
    const [r, g, b] = [rgba[i], rgba[i + 1], rgba[i + 2]];
    rgba[i] = powers[Math.min(last, Math.max(0, rr[r] + rg[g] + rb[b])) | 0];
    rgba[i + 1] = powers[Math.min(last, Math.max(0, gr[r] + gg[g] + gb[b])) | 0];
    rgba[i + 2] = powers[Math.min(last, Math.max(0, br[r] + bg[g] + bb[b])) | 0];
  }
}

/** @type {Float32Array[][]} */
let tables = [];

addEventListener("message", ({ data }) => {
  if (data.matrix) {
    tables = tablesOf(data.matrix);
    return;
  }
  const { id, bitmap } = data;
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const ctx = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  ctx.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = ctx.getImageData(0, 0, canvas.width, canvas.height);
  recolour(pixels.data, tables);
  ctx.putImageData(pixels, 0, 0);
  const made = canvas.transferToImageBitmap();
  postMessage({ id, bitmap: made }, { transfer: [made] });
});
