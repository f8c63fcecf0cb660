/** Slides dropped on the list of cases: the accession is asked for, the case is made, and they are sent to it from here. */

import { post } from "../lib/api.js";
import { el, one, pageData, showDialog } from "../lib/dom.js";
import { plural } from "../lib/format.js";
import { choice, choose as keep } from "../lib/storage.js";
import { installDrop } from "./drop.js";
import { fromInput } from "./pick.js";
import { Queue } from "./queue.js";
import { renderRows } from "./rows.js";

/** @typedef {import("./pick.js").Picked} Picked */

/** @type {Queue[]} one for each case that was made here */
const queues = [];

export function installNewCase() {
  const dialog = /** @type {HTMLDialogElement} */ (one("#drop-dialog"));
  const form = /** @type {HTMLFormElement} */ (one("[data-drop-form]"));
  const input = /** @type {HTMLInputElement} */ (one("[data-files]"));
  const fromNames = /** @type {HTMLInputElement} */ (one("[name=from_names]", form));
  /** @type {Picked[]} */
  let picked = [];

  /** @param {Picked[]} found */
  const ask = (found) => {
    if (!found.length || dialog.open) return;
    picked = found;
    form.reset();
    fromNames.checked = choice("labels-from-names", "") === "yes";
    one("[data-error]", form).textContent = "";
    one("[data-count]", form).textContent = plural(found.length, "slide");
    showDialog(dialog);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = new FormData(form);
    keep("labels-from-names", fromNames.checked ? "yes" : "");
    const values = {
      team: pageData("upload-data").team,
      accession: String(wanted.get("accession")).trim(),
      tumour_type: String(wanted.get("tumour_type")).trim(),
      protocol: String(wanted.get("protocol")),
    };
    /** @type {{id: string, accession: string}} */
    let made;
    try {
      made = await post("/api/cases/", values);
    } catch (error) {
      one("[data-error]", form).textContent = /** @type {Error} */ (error).message;
      return;
    }
    dialog.close();
    send(made, picked, fromNames.checked);
  });
  document.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("[data-choose]")) input.click();
  });
  input.addEventListener("change", async () => {
    const chosen = input.files?.length ? fromInput(input.files) : null; // which takes the files before they are let go
    input.value = "";
    if (chosen) ask(await chosen);
  });
  installDrop(one(".page"), (over) => one("[data-drop-over]").toggleAttribute("hidden", !over), ask);
  addEventListener("beforeunload", (event) => {
    const isSending = queues.some((queue) => queue.active.some((row) => row.sending?.state !== "paused"));
    if (isSending) event.preventDefault();
  });
}

/** @param {{id: string, accession: string}} made @param {Picked[]} picked @param {boolean} labelsFromNames */
function send(made, picked, labelsFromNames) {
  const rows = el("div", { class: "upload-rows" });
  const link = el("a", { class: "btn", href: `/cases/${made.id}/`, text: "Open the case" });
  const head = el(
    "div",
    { class: "section-head" },
    el("h2", { class: "ellipsis", text: made.accession }),
    el("small", { text: "This page knows the files' names until it is left." }),
    el("span", { class: "push" }),
    link,
  );
  const place = one("[data-new-uploads]");
  place.prepend(el("div", {}, head, rows));
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
  const page = { choose: () => {}, chooseFolder: () => {}, cases: false };
  const queue = new Queue(
    { case: made.id, rows: [] },
    { onchange: () => renderRows(rows, queue, page), onready: async () => true },
  );
  queues.push(queue);
  queue.add(picked, { labelsFromNames });
}
