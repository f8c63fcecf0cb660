/** Which files make which slides: drops, choosers, and folders of DICOM instances. */

/** @typedef {{file: File, bundle?: string, bundleFiles?: number, label: string}} Picked */

const SKIPPED = /^(\.|dicomdir$|thumbs\.db$|desktop\.ini$)/i;

/**
 * @param {Array<{file: File, folder: string}>} found
 * @returns {Picked[]} instances of one folder, or dropped together, share a bundle
 */
export function group(found) {
  const kept = found.filter(({ file }) => !SKIPPED.test(file.name));
  /** @type {Map<string, File[]>} */
  const instances = new Map();
  /** @type {Picked[]} */
  const picked = [];
  for (const { file, folder } of kept) {
    if (isInstance(file.name)) instances.set(folder, [...(instances.get(folder) ?? []), file]);
    else picked.push({ file, label: stem(file.name) });
  }
  for (const [folder, files] of instances) {
    const label = (files.length > 1 && folder.split("/").pop()) || stem(files[0].name);
    const bundle = files.length > 1 ? uuid() : undefined;
    for (const file of files) picked.push({ file, label, bundle, bundleFiles: files.length });
  }
  return picked;
}

/** DICOM instances end in .dcm or are named by a UID. */
const isInstance = (/** @type {string} */ name) => /\.(dcm|dicom|\d+)$/i.test(name) || !name.includes(".");

const stem = (/** @type {string} */ name) => name.replace(/(\.ome)?\.[^.]+$/i, "").slice(0, 60) || name.slice(0, 60);

function uuid() {
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

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
