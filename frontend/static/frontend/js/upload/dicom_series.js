/** Which series a DICOM file belongs to, from its first bytes; the same as slides/wsi/formats/dicom/series.py. Knows no page. */

export const HEAD_BYTES = 256 * 1024;
const PREAMBLE = 128;
const MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"; // a DICOMDIR, by whatever name
const IMPLICIT = "1.2.840.10008.1.2";
const BIG_ENDIAN = "1.2.840.10008.1.2.2";
// Tags as one number, group before element.
const CLASS = 0x00020002;
const SYNTAX = 0x00020010;
const SERIES = 0x0020000e;
const ITEMS = 0xfffe;
const ENDS = [0xfffee00d, 0xfffee0dd];
const LONG_KINDS = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const UNDEFINED = 0xffffffff;
const DEEPEST = 16;

/**
 * @param {Blob} file
 * @returns {Promise<string|null>} "" where it does not say; null for other files and the directory of a disc
 */
export async function seriesOf(file) {
  return seriesIn(new DataView(await file.slice(0, HEAD_BYTES).arrayBuffer()));
}

/** @param {DataView} head */
export function seriesIn(head) {
  if (head.byteLength < PREAMBLE + 4 || text(head, PREAMBLE, PREAMBLE + 4) !== "DICM") return null;
  let at = PREAMBLE + 4;
  let syntax = "";
  try {
    for (;;) {
      const isMeta = head.getUint16(at, true) === 2;
      const { tag, start, end } = element(head, at, syntax === IMPLICIT && !isMeta, 0);
      if (tag === CLASS && text(head, start, end) === MEDIA_DIRECTORY) return null;
      if (tag === SYNTAX) syntax = text(head, start, end);
      if (tag === SERIES) return text(head, start, end);
      if (tag > SERIES || syntax === BIG_ENDIAN) return "";
      at = end;
    }
  } catch (error) {
    if (error instanceof RangeError) return ""; // the bytes end before
    throw error;
  }
}

/**
 * @param {DataView} head
 * @param {number} at
 * @param {boolean} isImplicit
 * @param {number} depth
 */
function element(head, at, isImplicit, depth) {
  const group = head.getUint16(at, true);
  const tag = group * 0x10000 + head.getUint16(at + 2, true);
  const hasKind = !isImplicit && group !== ITEMS;
  const isLong = hasKind && LONG_KINDS.has(text(head, at + 4, at + 6));
  const start = at + (isLong ? 12 : 8);
  const length = hasKind && !isLong ? head.getUint16(at + 6, true) : head.getUint32(start - 4, true);
  return { tag, start, end: length === UNDEFINED ? endOfItems(head, start, isImplicit, depth + 1) : start + length };
}

/** Behind the end mark of a sequence, or of an item, of no stated length. @param {DataView} head @param {number} at @param {boolean} isImplicit @param {number} depth @returns {number} */
function endOfItems(head, at, isImplicit, depth) {
  if (depth > DEEPEST) throw new RangeError("nested too deeply");
  for (;;) {
    const { tag, end } = element(head, at, isImplicit, depth);
    if (ENDS.includes(tag)) return end;
    at = end;
  }
}

/** @param {DataView} head @param {number} start @param {number} end */
function text(head, start, end) {
  if (end > head.byteLength) throw new RangeError("behind the end");
  return String.fromCharCode(...new Uint8Array(head.buffer, head.byteOffset + start, end - start)).replace(/[\0 ]+$/, "");
}
