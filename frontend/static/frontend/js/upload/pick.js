/** Which files make which slides: drops, choosers, series of files in a folder, and files with a folder beside them. */

import { pageData } from "../lib/dom.js";

/** @typedef {{file: File, path: string}} Part */
/** @typedef {{series: string[], folders: Record<string, string>, slides: string[]}} Grouping by extension, see grouping_rules in slides/wsi/sets.py */
/** @typedef {{files: Part[], label: string, name: string}} Picked one slide: its files, the main one first, and what they would call it */

const SKIPPED = /^(\.|__macosx$|dicomdir$|thumbs\.db$|desktop\.ini$)/i;

/** @type {Grouping|undefined} */
let known;
/** What the server's formats say, as the page brings it. */
const grouping = () => (known ??= /** @type {Grouping} */ (pageData("upload-data").grouping));
const suffix = (/** @type {string} */ name) => (/\.[^.]*$/.exec(name)?.[0] ?? "").toLowerCase();

/** Whether a folder of the same name belongs to this file. @param {string} name */
export const hasFolder = (name) => suffix(name) in grouping().folders;

/**
 * @param {Array<{file: File, folder: string}>} found
 * @returns {Picked[]} each slide; what belongs to none comes by itself, so that the server says why it is not taken
 */
export function group(found) {
  const kept = [...found]
    .sort(byName)
    .filter(({ file, folder }) => ![file.name, ...folder.split("/")].some((part) => SKIPPED.test(part)));
  const mains = kept.filter(({ file }) => hasFolder(file.name));
  const folders = new Map(mains.map((main) => [join(main.folder, main.file.name.slice(0, -suffix(main.file.name).length)), main]));
  /** @type {Map<unknown, Array<{file: File, folder: string}>>} */
  const sets = new Map(mains.map((main) => [main, [main]]));
  for (const one of kept) {
    if (hasFolder(one.file.name)) continue;
    const main = folders.get(trim(one.folder));
    if (main && isPart(one.file.name, main.file.name)) sets.get(main)?.push(one);
    else if (main && !isSlide(one.file.name))
      continue; // left beside the slide by other programs
    else if (isInstance(one.file.name)) sets.set(`dicom ${one.folder}`, [...(sets.get(`dicom ${one.folder}`) ?? []), one]);
    else sets.set(one, [one]);
  }
  return [...sets.values()].map((files) => picked(files));
}

/** "9.svs" before "10.svs": what is numbered is numbered in the order of its names. */
const names = new Intl.Collator("en", { numeric: true });
/** @param {{file: File, folder: string}} a @param {{file: File, folder: string}} b */
const byName = (a, b) => names.compare(join(a.folder, a.file.name), join(b.folder, b.file.name));

/** @param {Array<{file: File, folder: string}>} files */
function picked(files) {
  const [{ file, folder }] = files;
  const isSeries = files.length > 1 && !hasFolder(file.name);
  const name = isSeries ? folder.split("/").pop() || file.name : file.name;
  const parts = files.map((one) => ({ file: one.file, path: join(one.folder, one.file.name) }));
  return { files: parts, name, label: isSeries ? name.slice(0, 60) : stem(name) };
}

/** Instances of a series have their format's extension or are named by a UID. */
const isInstance = (/** @type {string} */ name) => grouping().series.includes(suffix(name)) || /^(\.\d+)?$/.test(suffix(name));
const isSlide = (/** @type {string} */ name) => grouping().slides.includes(suffix(name));
const isPart = (/** @type {string} */ name, /** @type {string} */ main) =>
  new RegExp(`^(${grouping().folders[suffix(main)]})$`).test(name);

/** A label from the name of a file. */
export const stem = (/** @type {string} */ name) => name.replace(/(\.ome)?\.[^.]+$/i, "").slice(0, 60) || name.slice(0, 60);
const trim = (/** @type {string} */ folder) => folder.replace(/^\/+/, "");
const join = (/** @type {string} */ folder, /** @type {string} */ name) => trim(`${folder}/${name}`);

/** @param {FileList} files of an <input>, with folders or without */
export function fromInput(files) {
  return group([...files].map((file) => ({ file, folder: file.webkitRelativePath.split("/").slice(0, -1).join("/") })));
}

/** @param {DataTransfer} transfer of a drop */
export async function fromDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null);
  if (!entries.length) return group([...transfer.files].map((file) => ({ file, folder: "" })));
  const found = await Promise.all(entries.map((entry) => walk(/** @type {FileSystemEntry} */ (entry), "")));
  return group(found.flat());
}

/**
 * @param {FileSystemEntry} entry
 * @param {string} folder
 * @returns {Promise<Array<{file: File, folder: string}>>}
 */
async function walk(entry, folder) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    return [{ file: /** @type {File} */ (file), folder }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const inside = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 at a time
    if (!batch.length) break;
    inside.push(...batch);
  }
  return (await Promise.all(inside.map((child) => walk(child, `${folder}/${entry.name}`)))).flat();
}
