/** Forms of one choice: Save shows where there is something to save; Escape takes the choice back. */

/** @param {ParentNode} [root] */
export function installSavedForms(root = document) {
  for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (root.querySelectorAll("form.saved"))) {
    const choice = /** @type {HTMLSelectElement | HTMLInputElement | null} */ (form.querySelector("select, [type=checkbox]"));
    const save = /** @type {HTMLButtonElement | null} */ (form.querySelector("[data-save]"));
    if (!choice || !save) continue;
    const update = () => {
      save.disabled =
        choice instanceof HTMLSelectElement
          ? Boolean(choice.selectedOptions[0]?.defaultSelected)
          : choice.checked === choice.defaultChecked;
    };
    choice.addEventListener("change", update);
    choice.addEventListener("keydown", (event) => {
      if (/** @type {KeyboardEvent} */ (event).key !== "Escape") return;
      form.reset();
      update();
    });
    update();
  }
}
