import assert from "node:assert/strict";
import { test } from "node:test";
import { seriesIn } from "../../frontend/static/frontend/js/upload/dicom_series.js";
import { group } from "../../frontend/static/frontend/js/upload/pick.js";

const grouping = {
  series: [".dcm"],
  folders: { ".mrxs": "Slidedat\\.ini|Data[0-9]{4}\\.dat" },
  slides: [".dcm", ".mrxs", ".svs", ".zip"],
  pictures: [".jpg", ".png"],
};
globalThis.document = /** @type {Document} */ (
  /** @type {unknown} */ ({ querySelector: () => ({ textContent: JSON.stringify({ grouping }) }) })
);

/** @param {string} path @param {string|null} [series] */
const file = (path, series) => {
  const parts = path.split("/");
  return { file: new File(["x"], /** @type {string} */ (parts.pop())), folder: parts.join("/"), series };
};
/** @param {ReturnType<typeof file>[]} found */
const namesOf = (found) => group(found).slides.map(({ files }) => files.map(({ path }) => path));

test("loose instances are a slide for each series, whatever other programs left beside them", () => {
  const found = [
    file("1.dcm", "a"),
    file("2.dcm", "b"),
    file("3", "a"),
    file("preview.jpg"),
    ...["DICOMDIR", "Thumbs.db", "desktop.ini", ".DS_Store"].map((name) => file(name)),
  ];
  assert.deepEqual(namesOf(found), [["1.dcm", "3"], ["2.dcm"]]);
  assert.deepEqual(group(found).left, ["preview.jpg"]);
  assert.deepEqual(
    group(found).slides.map(({ name }) => name),
    ["1.dcm", "2.dcm"],
  );
});

test("one series of a folder is named by it, and pictures elsewhere are slides of their own", () => {
  const found = [file("A/1.dcm", "a"), file("A/2.dcm", "a"), file("B/x.jpg"), file("B/y.png")];
  assert.deepEqual(namesOf(found), [["A/1.dcm", "A/2.dcm"], ["B/x.jpg"], ["B/y.png"]]);
  assert.equal(group(found).slides[0].name, "A");
});

test("what is no instance comes by itself, so that the server says why it is not taken", () => {
  assert.deepEqual(namesOf([file("1.dcm", "a"), file("notes", null), file("2.dcm", "")]), [["1.dcm"], ["notes"], ["2.dcm"]]);
});

/** @param {number[]} tag group and element @param {string} kind @param {string} value */
const short = ([group, element], kind, value) => {
  const head = [group & 255, group >> 8, element & 255, element >> 8, ...[...kind].map((c) => c.charCodeAt(0)), value.length, 0];
  return [...head, ...[...value].map((c) => c.charCodeAt(0))];
};
/** @param {number[]} elements */
const dicom = (elements) => new DataView(Uint8Array.from([...Array(128).fill(0), 0x44, 0x49, 0x43, 0x4d, ...elements]).buffer);

test("the series is read past a sequence that names another", () => {
  const inner = short([0x20, 0x0e], "UI", "9.9.9\0");
  const undefined_ = [255, 255, 255, 255];
  const item = [0xfe, 0xff, 0x00, 0xe0, ...undefined_, ...inner, 0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0];
  const sequence = [8, 0, 0x15, 0x11, 0x53, 0x51, 0, 0, ...undefined_, ...item, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];
  const meta = short([2, 0x10], "UI", "1.2.840.10008.1.2.1\0");
  const all = [...meta, ...sequence, ...short([0x20, 0x0e], "UI", "1.2.3\0")];
  assert.equal(seriesIn(dicom(all)), "1.2.3");
  assert.equal(seriesIn(dicom(all.slice(0, 60))), "");
  assert.equal(seriesIn(new DataView(new ArrayBuffer(200))), null);
  assert.equal(seriesIn(dicom(short([2, 2], "UI", "1.2.840.10008.1.3.10"))), null);
});
