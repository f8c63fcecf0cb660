/** The page of a model version: copy a hash; for administrators approve, activate, withdraw, roll back, retire. */

import { ApiError, post } from "../lib/api.js";
import { one, showDialog } from "../lib/dom.js";
import { toast } from "../lib/toast.js";

/** @param {unknown} error */
const words = (error) => (error instanceof ApiError ? error.message : "Not done: the page failed");

const withdrawal = /** @type {HTMLDialogElement|null} */ (document.querySelector("#withdraw-dialog"));
const form = /** @type {HTMLFormElement|null} */ (document.querySelector("form[data-activate]"));
const retiring = /** @type {HTMLFormElement|null} */ (document.querySelector("form[data-retire]"));
for (const button of document.querySelectorAll("[data-withdraw]")) {
  button.addEventListener("click", () => {
    if (!withdrawal) return;
    one("[data-post]", withdrawal).setAttribute("data-post", button.getAttribute("data-withdraw") ?? "");
    showDialog(withdrawal);
  });
}

for (const button of document.querySelectorAll("[data-post]")) {
  button.addEventListener("click", async () => {
    button.setAttribute("aria-disabled", "true");
    try {
      await post(button.getAttribute("data-post") ?? "");
      location.reload();
    } catch (error) {
      button.removeAttribute("aria-disabled");
      withdrawal?.close();
      toast(words(error), { kind: "bad" });
    }
  });
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const text = button.getAttribute("data-copy") ?? "";
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied");
    } catch {
      toast(text); // no clipboard without https: the hash can be marked and copied by hand
    }
  });
}

/**
 * Send a dialog's answers; what is refused is said in the dialog.
 * @param {HTMLFormElement|null} dialog
 * @param {(answers: FormData) => [string, object]} request
 */
function sendFrom(dialog, request) {
  dialog?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const refusal = one(".form-errors", dialog);
    refusal.hidden = true;
    try {
      await post(...request(new FormData(dialog)));
      location.reload();
    } catch (error) {
      refusal.textContent = words(error);
      refusal.hidden = false;
    }
  });
}

sendFrom(form, (answers) => {
  const team = answers.get("team");
  return [form?.dataset.activate ?? "", { reason: answers.get("reason"), team: team ? Number(team) : null }];
});
sendFrom(retiring, (answers) => [retiring?.dataset.retire ?? "", { reason: answers.get("reason") }]);
