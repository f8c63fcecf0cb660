/** A case: its slides, the uploads below them, and two small dialogs. */

import { localTimes } from "../lib/behaviours.js";
import { one, pageData } from "../lib/dom.js";
import { installSavedForms } from "../lib/saved_forms.js";
import { choice, choose as keep } from "../lib/storage.js";
import { installAnalyse, installAnswers, installScenes, installSlideDialogs } from "../upload/dialogs.js";
import { installDrop } from "../upload/drop.js";
import { fromInput } from "../upload/pick.js";
import { Queue } from "../upload/queue.js";
import { renderRows } from "../upload/rows.js";

const slides = one("#slides");
const list = one("[data-rows]");
const summary = one("[data-summary]");
const pauseAll = one("[data-pause-all]");
const filesInput = /** @type {HTMLInputElement|null} */ (document.querySelector("[data-files]"));
const fromNames = /** @type {HTMLInputElement|null} */ (document.querySelector("[data-labels-from-names]"));
const folderInput = /** @type {HTMLInputElement|null} */ (document.querySelector("[data-folder]"));

let asked = 0;
const queue = new Queue(pageData("upload-data"), { onchange: () => render(), onready: () => refreshSlides() });
const choose = { choose: () => filesInput?.click(), chooseFolder: () => folderInput?.click() };

function render() {
  renderRows(list, queue, { ...choose, cases: false });
  const moving = queue.active;
  const count = queue.rows.length;
  summary.textContent = count
    ? `${count} slide${count === 1 ? "" : "s"}${moving.length ? `, ${moving.length} on their way` : ""}`
    : "none on their way";
  pauseAll.hidden = moving.length < 2;
  pauseAll.lastChild?.replaceWith(moving.some((row) => row.sending?.state !== "paused") ? "Pause all" : "Go on with all");
}

/**
 * Cards and facts as the server writes them. Of answers that overtake each other only the newest counts.
 * @returns {Promise<boolean>} whether this answer is what is shown
 */
async function refreshSlides() {
  const mine = ++asked;
  const response = await fetch(slides.dataset.url ?? "", { credentials: "same-origin" });
  const fresh = await response.text();
  if (!response.ok || mine !== asked) return false;
  slides.innerHTML = fresh;
  const facts = /** @type {HTMLTemplateElement|null} */ (slides.querySelector("#fresh-facts"));
  if (facts) {
    one(".aside").replaceChildren(facts.content);
    installSavedForms(one(".aside"));
    facts.remove();
  }
  localTimes();
  return true;
}

/** @param {import("../upload/pick.js").Picked[]} picked */
function take(picked) {
  queue.add(picked, { labelsFromNames: Boolean(fromNames?.checked) });
  one("#upload").scrollIntoView({ block: "nearest" });
}

/** @param {HTMLInputElement|null} input */
function takeChosen(input) {
  input?.addEventListener("change", async () => {
    const chosen = input.files?.length ? fromInput(input.files) : null; // which takes the files before they are let go
    input.value = "";
    if (chosen) take(await chosen);
  });
}

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (target.closest("[data-choose]")) filesInput?.click();
  if (target.closest("[data-choose-folder]")) folderInput?.click();
});
pauseAll.addEventListener("click", () => {
  queue.pauseAll(queue.active.some((row) => row.sending?.state !== "paused"));
  queue.changed();
});
addEventListener("beforeunload", (event) => {
  if (queue.active.some((row) => row.sending?.state !== "paused")) event.preventDefault();
});
if (fromNames) {
  fromNames.checked = choice("labels-from-names", "") === "yes";
  fromNames.addEventListener("change", () => keep("labels-from-names", fromNames.checked ? "yes" : ""));
}
takeChosen(filesInput);
takeChosen(folderInput);
if (filesInput) installDrop(one(".page"), (over) => one("[data-drop]").classList.toggle("over", over), take);
installSlideDialogs(slides, refreshSlides);
installAnswers(slides, refreshSlides);
installAnalyse(slides, refreshSlides);
installScenes(slides, refreshSlides);
installSavedForms();
render();
