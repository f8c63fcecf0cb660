/** Upload rows on a page: icon, name, state with its bar, label, actions. */

import { el, icon } from "../lib/dom.js";
import { toast } from "../lib/toast.js";
import { ofSending, ofServer, size, slideName, steps } from "./words.js";

const ICONS = { done: "check", now: "loader", stop: "circle-x", open: "circle-dashed" };

/**
 * @typedef {import("./queue.js").Row} Row
 * @typedef {import("./queue.js").Queue} Queue
 */

/**
 * @param {HTMLElement} list
 * @param {Queue} queue
 * @param {{choose: () => void, chooseFolder: () => void, cases: boolean}} page
 */
export function renderRows(list, queue, page) {
  const old = new Map([...list.children].map((node) => [node.getAttribute("data-key"), /** @type {HTMLElement} */ (node)]));
  const waiting = queue.waiting;
  const nodes = queue.rows.map((row) => {
    const node = old.get(row.key) ?? makeRow(row, queue);
    fill(node, row, shownOf(row, waiting.indexOf(row) + 1), queue, page);
    return node;
  });
  for (const [at, node] of nodes.entries()) if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
  while (list.children.length > nodes.length) list.lastElementChild?.remove();
}

/** @param {Row} row @param {number} place */
export function shownOf(row, place) {
  if (row.sending && !(row.sending.state === "sent" && row.server)) return ofSending(row.sending, place);
  return row.server
    ? ofServer(row.server, row.moving)
    : ofSending(/** @type {import("./sending.js").Sending} */ (row.sending), place);
}

/** @param {Row} row @param {Queue} queue */
function makeRow(row, queue) {
  const input = /** @type {HTMLInputElement} */ (
    el("input", {
      type: "text",
      maxlength: 60,
      value: row.label,
      placeholder: "numbered",
      "aria-label": "Label of the slide",
      autocomplete: "off",
    })
  );
  const relabel = (/** @type {string} */ label) => {
    queue
      .relabel(row, label)
      .then(() => (input.value = row.label))
      .catch((error) => {
        input.value = row.label;
        toast(`Not renamed: ${error.message}`, { kind: "bad" });
      });
  };
  input.addEventListener("change", () => relabel(input.value));
  const take = el(
    "button",
    { type: "button", class: "btn ghost small icon-only", "data-take": "", onclick: () => relabel(row.suggested) },
    icon("file-text"),
  );
  return el(
    "div",
    { class: "upload-row", "data-key": row.key },
    el("span", { class: "sign" }),
    el("div", { class: "file" }),
    el("div", { class: "how" }),
    el("div", { class: "label" }, input, take),
    el("div", { class: "do" }),
  );
}

/**
 * @param {HTMLElement} node
 * @param {Row} row
 * @param {import("./words.js").Shown} shown
 * @param {Queue} queue
 * @param {{choose: () => void, chooseFolder: () => void, cases: boolean}} page
 */
function fill(node, row, shown, queue, page) {
  const [sign, file, how, label, actions] = /** @type {HTMLElement[]} */ ([...node.children]);
  node.dataset.state = shown.word;
  set(sign, shown.icon + shown.tone, () => [icon(shown.icon, shown.tone)]);
  const name = row.name;
  const bytes = row.sending?.size ?? row.server?.length ?? 0;
  const count = row.sending?.files.length ?? row.server?.bundle_files ?? 1;
  const where = [page.cases && row.server?.accession, count > 1 && `${count} files`, size(bytes)].filter(Boolean).join(", ");
  set(file, `${name}${where}${row.server?.label}`, () => [
    el("span", {
      class: name ? "mono ellipsis" : "ellipsis",
      text: name || slideName(row.server?.label ?? "", "Slide"),
      title: name || null,
    }),
    el("small", { class: "ellipsis", text: where }),
  ]);
  fillState(how, shown);
  const isOpen =
    ["accent", "warn", ""].includes(shown.tone) &&
    !["Already here", "In another case", "Expired", "Waits for an administrator", "Send it again"].includes(shown.word);
  label.hidden = !isOpen || !(row.sending || row.server?.mine);
  fillLabel(label, row);
  const actionsShown = shown.actions.join() + (row.server?.slide ?? "") + (row.sending?.known?.slide ?? "");
  set(actions, actionsShown, () => shown.actions.map((action) => button(action, row, queue, page)).filter((made) => made !== null));
}

/** The number the server gave, and the file's name to be taken by who knows that it is no patient's. @param {HTMLElement} label @param {Row} row */
function fillLabel(label, row) {
  const [input, take] = /** @type {[HTMLInputElement, HTMLButtonElement]} */ ([...label.children]);
  if (input !== document.activeElement && input.value !== row.label) input.value = row.label;
  take.hidden = !row.suggested || row.suggested === row.label;
  const words = `Label it as the file: ${row.suggested}`;
  if (take.dataset.tip !== words) {
    take.dataset.tip = words;
    take.setAttribute("aria-label", words);
  }
}

/** @param {HTMLElement} how @param {import("./words.js").Shown} shown */
function fillState(how, shown) {
  if (shown.step !== undefined) {
    const { word, step = "", stopped = false, fact, tone } = shown;
    set(how, `${word}${step}${stopped}${fact}`, () => [
      el("p", {}, el("b", { text: word, class: stopped ? tone : null }), fact && el("span", { class: "fact", text: fact })),
      el(
        "p",
        { class: "steps" },
        ...steps(step, stopped).map(({ name, state }) =>
          el("span", { class: `step ${state}`, "aria-current": state === "now" && "step" }, icon(ICONS[state]), name),
        ),
      ),
    ]);
    return;
  }
  const bar = shown.percent !== undefined;
  set(how, `${shown.tone}${bar}${shown.bar}`, () => [
    el("p", {}, el("b", { class: shown.tone === "accent" ? null : shown.tone }), el("span", { class: "fact" })),
    bar && el("progress", { max: 100, class: shown.bar, "aria-label": "Arrived" }),
  ]);
  const word = /** @type {HTMLElement} */ (how.querySelector("b"));
  const fact = /** @type {HTMLElement} */ (how.querySelector(".fact"));
  if (word.textContent !== shown.word) word.textContent = shown.word;
  if (fact.textContent !== shown.fact) fact.textContent = shown.fact;
  const progress = how.querySelector("progress");
  if (progress && shown.percent !== undefined) progress.value = shown.percent;
}

/** Rebuild a cell only when what it shows changed, so that focus and tooltips stay. */
function set(/** @type {HTMLElement} */ cell, /** @type {string} */ sign, /** @type {() => Array<Node|false>} */ make) {
  if (cell.dataset.shows === sign) return;
  cell.dataset.shows = sign;
  cell.replaceChildren(.../** @type {Node[]} */ (make().filter(Boolean)));
}

/**
 * @param {string} action
 * @param {Row} row
 * @param {Queue} queue
 * @param {{choose: () => void, chooseFolder: () => void, cases: boolean}} page
 */
function button(action, row, queue, page) {
  const say = (/** @type {Error} */ error) => toast(error.message, { kind: "bad" });
  const small = (/** @type {string} */ name, /** @type {string} */ words, /** @type {() => void} */ run) =>
    el(
      "button",
      { type: "button", class: "btn ghost small icon-only", "aria-label": words, "data-tip": words, onclick: run },
      icon(name),
    );
  switch (action) {
    case "pause":
      return small("pause", "Pause", () => row.sending?.pause());
    case "go":
      return small("play", "Go on now", () => row.sending?.start());
    case "choose":
      return page.cases
        ? el("a", { class: "btn small", href: `/cases/${row.server?.case}/`, text: "Open the case" })
        : el("button", { type: "button", class: "btn small", text: "Choose the file…", onclick: page.choose });
    case "choose-folder":
      return page.cases
        ? el("a", { class: "btn small", href: `/cases/${row.server?.case}/`, text: "Open the case" })
        : el("button", { type: "button", class: "btn small", text: "Choose the folder…", onclick: page.chooseFolder });
    case "send":
      return el("button", { type: "button", class: "btn small", text: "Send anyway", onclick: () => row.sending?.wait() });
    case "open-known": {
      const known = row.sending?.known;
      return known ? el("a", { class: "btn small ellipsis", href: `/slides/${known.slide}/`, text: `Open ${known.label}` }) : null;
    }
    case "check":
      return el("button", {
        type: "button",
        class: "btn small",
        text: "Try again",
        onclick: () => queue.checkAgain(row).catch(say),
      });
    case "open":
      return row.server?.slide
        ? el("a", { class: "btn small ellipsis", href: `/slides/${row.server.slide}/`, text: `Open ${row.server.slide_label}` })
        : null;
    default:
      return small("x", "Remove", () => queue.remove(row).catch(say));
  }
}
