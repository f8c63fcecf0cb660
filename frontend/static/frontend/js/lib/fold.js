/**
 * Bars whose parts fold where they do not all fit. Parts with `data-fold` fold in the order of its numbers and get the class
 * `folded`; what that looks like is the style sheet's. A `.fold` has a button (shown while folded) and a body, which the button
 * then opens as a menu.
 */

/** @param {HTMLElement} bar */
export function installFolding(bar) {
  const parts = /** @type {HTMLElement[]} */ ([...bar.querySelectorAll("[data-fold]")]).sort(
    (a, b) => Number(a.dataset.fold) - Number(b.dataset.fold),
  );
  const menus = /** @type {HTMLElement[]} */ ([...bar.querySelectorAll(".fold")]);
  for (const menu of menus) installFoldMenu(menu);

  const fold = () => {
    for (const part of parts) part.classList.remove("folded");
    bar.classList.remove("wraps");
    for (const part of parts) {
      if (fits(bar)) break;
      part.classList.add("folded");
    }
    bar.classList.toggle("wraps", !fits(bar));
  };
  let width = 0;
  let asked = 0;
  const later = () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => {
      // What happens in an open menu must not close it; another width may.
      if (bar.clientWidth === width && menus.some((menu) => menu.classList.contains("open"))) return;
      width = bar.clientWidth;
      fold();
    });
  };
  const sizes = new ResizeObserver(later);
  sizes.observe(bar);
  const changes = new MutationObserver((records) => {
    // What a button of a menu says changes with each frame of a zoom.
    const inBar = (/** @type {Node} */ node) => !(node instanceof Element ? node : node.parentElement)?.closest(".fold-button");
    if (records.some(({ target }) => inBar(target))) later();
  });
  changes.observe(bar, { subtree: true, childList: true, characterData: true, attributeFilter: ["hidden"] });
  document.fonts.ready.then(later);
}

/** Nothing is cut: neither the bar nor one of its parts that has not folded; names in `.ellipsis` have a bound of their own, and so have open menus. @param {HTMLElement} bar */
function fits(bar) {
  const isCut = (/** @type {Element} */ node) => node.scrollWidth > node.clientWidth + 1;
  return !isCut(bar) && ![...bar.children].some((child) => !child.matches(".folded, .ellipsis, details[open]") && isCut(child));
}

/** @param {HTMLElement} menu */
function installFoldMenu(menu) {
  const button = /** @type {HTMLElement} */ (menu.querySelector(".fold-button"));
  const show = (/** @type {boolean} */ open) => {
    menu.classList.toggle("open", open);
    button.setAttribute("aria-expanded", String(open));
  };
  show(false);
  button.addEventListener("click", () => show(!menu.classList.contains("open")));
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const chosen = menu.hasAttribute("data-closes") && target.closest(".fold-body :is(a, button)");
    if (!menu.contains(target) || chosen) show(false);
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.classList.contains("open")) return;
    event.stopPropagation();
    show(false);
    button.focus();
  });
}
