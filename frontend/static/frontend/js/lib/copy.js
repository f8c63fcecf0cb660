/** [data-copy] copies the field beside it ([data-copy-source]) and says so. */

import { toast } from "./toast.js";

export function installCopy() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const field = /** @type {HTMLInputElement|null} */ (button.parentElement?.querySelector("[data-copy-source]") ?? null);
      if (!field) return;
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
        toast("Copied", { kind: "yes" });
      } catch {
        toast("Selected: copy it with Ctrl C"); // plain http has no clipboard
      }
    });
  }
}
