/** Small helpers to read and build the page. No inline styles: the policy forbids them in markup, and classes say more. */

/**
 * @template {Element} [T=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {T}
 */
export function one(selector, root = document) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`The page lacks ${selector}`);
  return /** @type {T} */ (/** @type {unknown} */ (found));
}

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] text, class, on… and plain attributes; false and null leave one out
 * @param {...(Node|string|null|false|undefined)} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = String(value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(
    ...children
      .filter((child) => child !== null && child !== undefined && child !== false)
      .map((child) => /** @type {Node|string} */ (child)),
  );
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} symbol name in the sprite
 * @param {string} css
 */
function use(symbol, css) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", css);
  svg.setAttribute("aria-hidden", "true");
  const inner = document.createElementNS(SVG, "use");
  inner.setAttribute("href", `${document.body.dataset.sprite}#${symbol}`);
  svg.append(inner);
  return svg;
}

/** @param {string} name a Lucide name @param {string} [css] */
export const icon = (name, css = "") => use(name, `icon ${css}`.trim());

/** @param {string} name open, yes, no, unsure, below, added, differ */
export const mark = (name) => use(`mark-${name}`, `mark mark-${name}`);

/**
 * @param {string} tag
 * @param {Record<string, string|number|null|undefined>} attributes
 * @param {...(Node|string)} children
 */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

/**
 * Data that the server put into the page with json_script.
 * @param {string} id
 */
export function pageData(id) {
  return JSON.parse(one(`#${id}`).textContent ?? "null");
}

const FIELDS = "textarea, select, input:not([type=hidden], [type=radio], [type=checkbox])";

/** Opens a dialog with the cursor in its first field; a browser would put it on the button that closes it. @param {HTMLDialogElement} dialog */
export function showDialog(dialog) {
  dialog.showModal();
  if (dialog.querySelector("[autofocus]")) return;
  const fields = /** @type {NodeListOf<HTMLElement>} */ (dialog.querySelectorAll(FIELDS));
  [...fields].find((field) => field.checkVisibility())?.focus();
}

/** @param {EventTarget|null} target is the reader typing text there? */
export function isTextField(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit", "range"].includes(target.type);
}
