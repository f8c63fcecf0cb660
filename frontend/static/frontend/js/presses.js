/* What is pressed before the page's modules run would do nothing, or skip the question that a form asks first. A classic
   script, so that it is there before the first button: it keeps such presses and makes them once the modules have run. */
(() => {
  /** @type {Array<() => void>} */
  const kept = [];

  /** @param {MouseEvent} event */
  const press = (event) => {
    const target = /** @type {Element|null} */ (event.target);
    const button = /** @type {HTMLButtonElement|null} */ (target?.closest("button[type=button]") ?? null);
    if (button) kept.push(() => button.isConnected && button.click());
  };

  /** @param {SubmitEvent} event */
  const submit = (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("[data-confirm]")) return;
    event.preventDefault();
    const by = event.submitter;
    kept.push(() => form.isConnected && form.requestSubmit(by));
  };

  document.addEventListener("click", press, true);
  document.addEventListener("submit", submit, true);
  // Modules have run by then: they are deferred.
  addEventListener("DOMContentLoaded", () => {
    document.removeEventListener("click", press, true);
    document.removeEventListener("submit", submit, true);
    for (const again of kept) again();
  });
})();
