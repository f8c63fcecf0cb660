/** sha256 of files, worked out in a worker; each file once. */

export class Unreadable extends Error {}

/** @type {WeakMap<Blob, Promise<string>>} */
const hashesByFile = new WeakMap();

/**
 * @param {Blob} file
 * @returns {Promise<string>} sha256 in hex
 */
export function hashOf(file) {
  const hash = hashesByFile.get(file) ?? hashInWorker(file);
  hashesByFile.set(file, hash);
  return hash;
}

/**
 * The hash by which the server knows a slide: its file's, of several the sha256 of their sorted ones.
 * @param {File[]} files
 */
export async function hashOfAll(files) {
  const hashes = [];
  for (const file of files) hashes.push(await hashOf(file)); // one after the other: the disk is the narrow place
  return hashes.length === 1 ? hashes[0] : hashOf(new Blob([hashes.sort().join("")]));
}

/** @param {Blob} file @returns {Promise<string>} */
function hashInWorker(file) {
  const worker = new Worker(new URL("hash-worker.js", import.meta.url));
  const hash = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.sha256 ? resolve(data.sha256) : reject(new Unreadable(data.error)));
    worker.onerror = () => reject(new Unreadable("The worker failed"));
    worker.postMessage(file);
  });
  hash.finally(() => worker.terminate()).catch(() => {}); // who awaits the hash hears of it
  return hash;
}
