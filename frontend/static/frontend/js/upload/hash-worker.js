/* A classic worker: sha256 of a file of any size, piece by piece. Message in: the File. Out: {sha256} or {error}. */

importScripts(new URL("../../vendor/hash-wasm-4.13.0/sha256.umd.min.js", self.location.href).href);

const PIECE = 8 * 1024 * 1024;

self.onmessage = async ({ data: file }) => {
  try {
    const hash = await self.hashwasm.createSHA256();
    for (let start = 0; start < file.size; start += PIECE) {
      hash.update(new Uint8Array(await file.slice(start, start + PIECE).arrayBuffer()));
    }
    self.postMessage({ sha256: hash.digest("hex") });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
