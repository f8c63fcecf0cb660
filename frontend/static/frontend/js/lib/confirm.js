/** Forms that ask first: `data-confirm` holds the question. */

export function installConfirm() {
  for (const form of document.querySelectorAll("form[data-confirm]")) {
    form.addEventListener("submit", (event) => {
      if (!confirm(form.getAttribute("data-confirm") ?? "")) event.preventDefault();
    });
  }
}
