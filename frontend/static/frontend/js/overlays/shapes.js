/**
 * The shapes of marks. Colour never alone: each state has its own shape, each mark a dark casing, none a fill.
 * Drawn once per state and size into a small picture, then stamped: 10,000 marks stay smooth.
 */

export const COLOURS = { open: "#00e5ff", yes: "#1cf56e", no: "#ffe31a", now: "#ffffff", dark: "10, 11, 12" };
const LINE_PX = 2.2;
const CASING_PX = 1.45;

/** @typedef {"open"|"yes"|"no"|"unsure"|"below"|"added"|"differ"} MarkState */
/** @type {MarkState[]} */
export const STATES = ["open", "yes", "no", "unsure", "below", "added", "differ"];

/**
 * @typedef {CanvasRenderingContext2D|OffscreenCanvasRenderingContext2D} Ctx
 * @typedef {{path: (ctx: Ctx, r: number) => void, colour: string, dash?: (r: number) => number[], line?: number, casing?: number}} Stroke
 */

/** @param {Ctx} ctx @param {number} r @param {number} [from] @param {number} [to] */
const ring = (ctx, r, from = 0, to = 2 * Math.PI) => ctx.arc(0, 0, r, from, to);

/** @param {Ctx} ctx @param {number} r */
function brackets(ctx, r) {
  const arm = r * 0.55;
  for (const [sx, sy] of [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ]) {
    ctx.moveTo(sx * (r - arm), sy * r);
    ctx.lineTo(sx * r, sy * r);
    ctx.lineTo(sx * r, sy * (r - arm));
  }
}

/** @param {Ctx} ctx @param {number} r */
function diamond(ctx, r) {
  ctx.moveTo(0, -r);
  ctx.lineTo(r, 0);
  ctx.lineTo(0, r);
  ctx.lineTo(-r, 0);
  ctx.closePath();
}

/** @param {Ctx} ctx @param {number} r */
function fourTicks(ctx, r) {
  for (const [dx, dy] of [
    [0, -1],
    [0, 1],
    [-1, 0],
    [1, 0],
  ]) {
    ctx.moveTo(dx * r * 0.5, dy * r * 0.5);
    ctx.lineTo(dx * r, dy * r);
  }
}

/** @param {Ctx} ctx @param {number} r */
function plus(ctx, r) {
  const [x, y, arm] = [r * 0.78, -r * 0.78, Math.max(3.5, r * 0.3)];
  ctx.moveTo(x - arm, y);
  ctx.lineTo(x + arm, y);
  ctx.moveTo(x, y - arm);
  ctx.lineTo(x, y + arm);
}

/** @param {Ctx} ctx @param {number} r */
function halfDiamond(ctx, r) {
  ctx.moveTo(0, -r);
  ctx.lineTo(r, 0);
  ctx.lineTo(0, r);
}

const dashes = (/** @type {number} */ r) => [Math.max(4, r * 0.34), Math.max(2.5, r * 0.2)];

/** @type {Record<MarkState, Stroke[]>} */
const STROKES = {
  open: [{ path: brackets, colour: COLOURS.open, casing: 0.9 }],
  yes: [{ path: ring, colour: COLOURS.yes }],
  no: [{ path: (ctx, r) => diamond(ctx, r * 1.12), colour: COLOURS.no, dash: dashes }],
  unsure: [{ path: ring, colour: COLOURS.open, dash: () => [2.2, 3] }],
  below: [{ path: fourTicks, colour: COLOURS.open, line: 1.4 }],
  added: [
    { path: ring, colour: COLOURS.yes },
    { path: plus, colour: COLOURS.yes },
  ],
  differ: [
    { path: (ctx, r) => ring(ctx, r, Math.PI / 2, 1.5 * Math.PI), colour: COLOURS.yes },
    { path: (ctx, r) => halfDiamond(ctx, r * 1.12), colour: COLOURS.no, dash: dashes },
  ],
};

/** @type {Map<string, ImageBitmap>} */
const pictures = new Map();
const KEPT = 160;
const STEPS = 10; // sizes that are drawn for each doubling; between them a picture is stretched by at most 4 %

/** The next size that a picture is drawn for. @param {number} radius CSS pixels */
const step = (radius) => 2 ** (Math.round(Math.log2(radius) * STEPS) / STEPS);

/**
 * @param {MarkState} state
 * @param {number} r CSS pixels
 * @param {number} ratio device pixels per CSS pixel
 */
function picture(state, r, ratio) {
  const name = `${state} ${r} ${ratio}`;
  const known = pictures.get(name);
  if (known) return known;
  if (pictures.size > KEPT) pictures.clear();
  const half = Math.ceil(r * 1.3 + 8);
  const side = Math.ceil(2 * half * ratio);
  const canvas = new OffscreenCanvas(side, side);
  const ctx = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  ctx.setTransform(ratio, 0, 0, ratio, half * ratio, half * ratio);
  for (const casing of [true, false]) {
    for (const stroke of STROKES[state]) drawStroke(ctx, stroke, r, casing);
  }
  const bitmap = canvas.transferToImageBitmap();
  pictures.set(name, bitmap);
  return bitmap;
}

/** @param {Ctx} ctx @param {Stroke} stroke @param {number} r @param {boolean} casing */
function drawStroke(ctx, { path, colour, dash, line = LINE_PX, casing: strength = 0.75 }, r, casing) {
  ctx.beginPath();
  path(ctx, r);
  ctx.setLineDash(casing || !dash ? [] : dash(r));
  ctx.lineCap = casing ? "square" : "butt";
  ctx.lineWidth = casing ? line + 2 * CASING_PX : line;
  ctx.strokeStyle = casing ? `rgba(${COLOURS.dark}, ${strength})` : colour;
  ctx.stroke();
}

/**
 * Gives the function that puts the mark of one state and size at places of the canvas: found once, called for each.
 * @param {CanvasRenderingContext2D} ctx in CSS pixels
 * @param {MarkState} state @param {number} radius @param {number} ratio
 * @returns {(x: number, y: number) => void}
 */
export function stamp(ctx, state, radius, ratio) {
  const drawn = step(radius);
  const image = picture(state, drawn, ratio);
  const size = ((image.width / ratio) * radius) / drawn;
  const half = size / 2;
  return (x, y) => ctx.drawImage(image, x - half, y - half, size, size);
}

/**
 * The current mark: white square with outer ticks, its number above.
 * @param {CanvasRenderingContext2D} ctx
 * @param {number} x @param {number} y @param {number} radius
 * @param {string} number @param {string} fact
 */
export function drawCurrent(ctx, x, y, radius, number, fact) {
  const half = radius * 1.45 + 3;
  const tick = Math.max(5, half * 0.22);
  ctx.save();
  ctx.translate(x, y);
  for (const [width, colour] of /** @type {[number, string][]} */ ([
    [4.4, `rgba(${COLOURS.dark}, 0.75)`],
    [1.6, COLOURS.now],
  ])) {
    ctx.lineWidth = width;
    ctx.strokeStyle = colour;
    ctx.strokeRect(-half, -half, 2 * half, 2 * half);
    ctx.beginPath();
    for (const [dx, dy] of [
      [0, -1],
      [0, 1],
      [-1, 0],
      [1, 0],
    ]) {
      ctx.moveTo(dx * half, dy * half);
      ctx.lineTo(dx * (half + tick), dy * (half + tick));
    }
    ctx.stroke();
  }
  drawLabel(ctx, -half - tick - 6, number, fact);
  ctx.restore();
}

/** @param {CanvasRenderingContext2D} ctx @param {number} bottom @param {string} number @param {string} fact */
function drawLabel(ctx, bottom, number, fact) {
  const bold = '600 12px "IBM Plex Sans", sans-serif';
  const plain = '12px "IBM Plex Sans", sans-serif';
  ctx.font = bold;
  const first = ctx.measureText(number).width;
  ctx.font = plain;
  const second = fact ? ctx.measureText(fact).width + 7 : 0;
  const width = first + second + 16;
  ctx.fillStyle = "rgba(12, 12, 13, 0.86)";
  ctx.beginPath();
  ctx.roundRect(-width / 2, bottom - 21, width, 21, 3);
  ctx.fill();
  ctx.textBaseline = "middle";
  ctx.fillStyle = "#ededee";
  ctx.font = bold;
  ctx.fillText(number, -width / 2 + 8, bottom - 10);
  ctx.font = plain;
  ctx.fillStyle = "#b6b8bc";
  if (fact) ctx.fillText(fact, -width / 2 + 15 + first, bottom - 10);
}
