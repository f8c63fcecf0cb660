/** The team page: roles change as they are chosen, removing asks first, links are copied. */

import { installCopy } from "../lib/copy.js";

for (const select of document.querySelectorAll("[data-submit-on-change]")) {
  select.addEventListener("change", () => /** @type {HTMLSelectElement} */ (select).form?.requestSubmit());
}
for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.getAttribute("data-confirm") ?? "")) event.preventDefault();
  });
}
installCopy();
