/** Which files make which slides: drops, choosers, series of files in a folder, and files with a folder beside them. */

import { pageData } from "../lib/dom.js";
import { toast } from "../lib/toast.js";
import { seriesOf } from "./dicom_series.js";

/** @typedef {{file: File, path: string}} Part */
/** @typedef {{file: File, folder: string, series?: string|null}} Found series: of an instance, null where it is none */
/** @typedef {{series: string[], folders: Record<string, string>, slides: string[], pictures: string[]}} Grouping by extension, see grouping_rules in slides/wsi/sets.py */
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
 * @param {Found[]} found
 * @returns {{slides: Picked[], left: string[]}} each slide, and the names of pictures that lie beside one and are left out;
 *   what belongs to none comes by itself, so that the server says why it is not taken
 */
export function group(found) {
  const kept = [...found]
    .sort(byName)
    .filter(({ file, folder }) => ![file.name, ...folder.split("/")].some((part) => SKIPPED.test(part)));
  const mains = kept.filter(({ file }) => hasFolder(file.name));
  const folders = new Map(mains.map((main) => [join(main.folder, main.file.name.slice(0, -suffix(main.file.name).length)), main]));
  /** @type {Map<unknown, Found[]>} */
  const sets = new Map(mains.map((main) => [main, [main]]));
  for (const one of kept) {
    if (hasFolder(one.file.name)) continue;
    const main = folders.get(trim(one.folder));
    if (main && isPart(one.file.name, main.file.name)) sets.get(main)?.push(one);
    else if (main && !isSlide(one.file.name))
      continue; // left beside the slide by other programs
    else if (isInstance(one.file.name) && one.series !== null) {
      const key = `dicom ${one.folder} ${one.series}`;
      sets.set(key, [...(sets.get(key) ?? []), one]);
    } else sets.set(one, [one]);
  }
  const all = [...sets.values()];
  const places = new Set(all.filter(([first]) => isRealSlide(first)).map(([first]) => trim(first.folder)));
  const isLeft = (/** @type {Found[]} */ [first]) => isPicture(first.file.name) && places.has(trim(first.folder));
  const slides = all.filter((files) => !isLeft(files));
  const isAlone = (/** @type {Found[]} */ [{ folder }]) =>
    slides.filter((files) => isSeries(files) && files[0].folder === folder).length === 1;
  return {
    slides: slides.map((files) => picked(files, isSeries(files) && isAlone(files))),
    left: all.filter(isLeft).map(([first]) => first.file.name),
  };
}

/** "9.svs" before "10.svs": what is numbered is numbered in the order of its names. */
const names = new Intl.Collator("en", { numeric: true });
/** @param {{file: File, folder: string}} a @param {{file: File, folder: string}} b */
const byName = (a, b) => names.compare(join(a.folder, a.file.name), join(b.folder, b.file.name));

/** The slides of these files; of what lies beside them and is left out the person is told. @param {Found[]} found */
async function pick(found) {
  for (const one of found) if (isInstance(one.file.name)) one.series = await seriesOf(one.file).catch(whenUnreadable);
  const { slides, left } = group(found);
  if (left.length) toast(`Left out beside a slide: ${left.join(", ")}`);
  return slides;
}

/** Sending meets the same trouble, and says what it is. @param {Error} error */
function whenUnreadable(error) {
  console.info("The series was not read", error);
  return "";
}

/** @param {Found[]} files */
const isSeries = (files) => files.length > 1 && !hasFolder(files[0].file.name);

/**
 * @param {Found[]} files
 * @param {boolean} isNamedByFolder instances have names that say nothing; that of their folder may
 */
function picked(files, isNamedByFolder) {
  const [{ file, folder }] = files;
  const name = (isNamedByFolder && folder.split("/").pop()) || file.name;
  const parts = files.map((one) => ({ file: one.file, path: join(one.folder, one.file.name) }));
  return { files: parts, name, label: isNamedByFolder ? name.slice(0, 60) : stem(name) };
}

/** Instances of a series have their format's extension or are named by a UID. */
const isInstance = (/** @type {string} */ name) => grouping().series.includes(suffix(name)) || /^(\.\d+)?$/.test(suffix(name));
const isSlide = (/** @type {string} */ name) => grouping().slides.includes(suffix(name));
const isPicture = (/** @type {string} */ name) => grouping().pictures.includes(suffix(name));
/** @param {Found} one */
const isRealSlide = (one) =>
  hasFolder(one.file.name) || (isSlide(one.file.name) && !isPicture(one.file.name)) || Boolean(one.series);
const isPart = (/** @type {string} */ name, /** @type {string} */ main) =>
  new RegExp(`^(${grouping().folders[suffix(main)]})$`).test(name);

/** A label from the name of a file. */
export const stem = (/** @type {string} */ name) => name.replace(/(\.ome)?\.[^.]+$/i, "").slice(0, 60) || name.slice(0, 60);
const trim = (/** @type {string} */ folder) => folder.replace(/^\/+/, "");
const join = (/** @type {string} */ folder, /** @type {string} */ name) => trim(`${folder}/${name}`);

/** @param {FileList} files of an <input>, with folders or without */
export function fromInput(files) {
  return pick([...files].map((file) => ({ file, folder: file.webkitRelativePath.split("/").slice(0, -1).join("/") })));
}

/** @param {DataTransfer} transfer of a drop */
export async function fromDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null);
  if (!entries.length) return pick([...transfer.files].map((file) => ({ file, folder: "" })));
  const found = await Promise.all(entries.map((entry) => walk(/** @type {FileSystemEntry} */ (entry), "")));
  return pick(found.flat());
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
