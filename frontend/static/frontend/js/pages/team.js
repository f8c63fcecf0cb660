/** The team page: a chosen role waits for Save, removing asks first, links are copied. */

import { installConfirm } from "../lib/confirm.js";
import { installCopy } from "../lib/copy.js";

/** Save shows where there is something to save; Escape takes the choice back. */
for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form.role"))) {
  const select = form.querySelector("select");
  const save = /** @type {HTMLButtonElement | null} */ (form.querySelector("[data-save]"));
  if (!select || !save) continue;
  const update = () => {
    save.disabled = Boolean(select.selectedOptions[0]?.defaultSelected);
  };
  select.addEventListener("change", update);
  select.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    form.reset();
    update();
  });
  update();
}
installConfirm();
installCopy();
