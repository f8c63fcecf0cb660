/** What the server tells of uploads, the files of one slide put together. */

import { hasFolder } from "./pick.js";

/**
 * @typedef {{id: string, case: string, accession: string, by: string, mine: boolean, name: string, label: string,
 *   length: number, offset: number, state: string, step: string, reason: string, percent: number, waiting: boolean,
 *   slide: string|null, slide_label: string|null, slide_state: string|null, mpp_known: boolean, is_asked: boolean,
 *   bundle: string|null, bundle_files: number}} ServerFile
 * @typedef {ServerFile & {key: string, parts: ServerFile[]}} ServerUpload length and offset of all parts together
 */

/** @param {ServerFile} file */
export const keyOf = (file) => file.bundle ?? file.id;

/**
 * @param {ServerFile[]} found newest first
 * @returns {ServerUpload[]}
 */
export function joinFiles(found) {
  /** @type {Map<string, ServerFile[]>} */
  const sets = new Map();
  for (const file of found) sets.set(keyOf(file), [file, ...(sets.get(keyOf(file)) ?? [])]);
  return [...sets].map(([key, parts]) => {
    const mrxs = parts.find((part) => hasFolder(part.name));
    const main = mrxs ?? parts[0];
    const isSeries = main.name && main.bundle_files > 1 && !mrxs; // of which one name says little, and the label more
    const sum = (/** @type {"length"|"offset"} */ what) => parts.reduce((total, part) => total + part[what], 0);
    const isWhole = parts.length >= main.bundle_files && parts.every((part) => part.state !== "uploading");
    const state = isWhole || main.slide || main.state !== "checking" ? main.state : "uploading";
    const open = parts.find((part) => part.state === "uploading");
    return {
      ...(open ?? main),
      name: isSeries ? `${main.label}: ${main.name} …` : main.name,
      state: open ? "uploading" : state,
      key,
      parts,
      length: sum("length"),
      offset: sum("offset"),
    };
  });
}

/**
 * Of what was begun and not finished, that which these files continue.
 * @param {ServerUpload[]} rows
 * @param {import("./pick.js").Picked} picked
 */
export function findBegun(rows, picked) {
  const count = picked.files.length;
  return rows.find((row) => {
    const isOpen = row.mine && row.state === "uploading" && row.bundle_files === count && count > 1 === Boolean(row.bundle);
    return isOpen && row.parts.every((part) => fileOf(part, picked));
  });
}

/** @param {ServerFile} part @param {import("./pick.js").Picked} picked */
export function fileOf(part, picked) {
  return picked.files.find(({ file }) => file.name === part.name && file.size === part.length)?.file;
}
