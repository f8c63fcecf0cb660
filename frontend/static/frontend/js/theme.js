/* Before the first paint: a classic script, so that no page flashes in the wrong theme. */
(() => {
  let choice = "system";
  try {
    choice = localStorage.getItem("mitoweb.theme") || "system";
  } catch {
    // Storage is switched off: follow the system.
  }
  const dark = choice === "dark" || (choice === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  const root = document.documentElement;
  if (!root.hasAttribute("data-theme-fixed")) root.dataset.theme = dark ? "dark" : "light";
})();
