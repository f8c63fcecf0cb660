/** Files dropped anywhere on the page. */

import { fromDrop } from "./pick.js";

/**
 * @param {HTMLElement} page
 * @param {(over: boolean) => void} mark shows whether files hang over the page
 * @param {(picked: import("./pick.js").Picked[]) => void} take
 */
export function installDrop(page, mark, take) {
  let inside = 0;
  const step = (/** @type {number} */ by) => {
    inside = Math.max(0, inside + by);
    mark(inside > 0);
  };
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  page.addEventListener("dragenter", (event) => hasFiles(event) && step(1));
  page.addEventListener("dragleave", (event) => hasFiles(event) && step(-1));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault(); // beside the page too: a browser would leave it to show the file
    inside = 0;
    step(0);
    take(await fromDrop(event.dataTransfer));
  });
}
