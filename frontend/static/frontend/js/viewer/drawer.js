/** The drawer beside the slide: what is known of it (`i`), and how its picture is shown (`b`). It pushes, it never covers. */

import { el, icon, one } from "../lib/dom.js";
import { choice, choose } from "../lib/storage.js";

/**
 * @typedef {{term: string, text: string, note: string}} Fact
 * @typedef {"slide"|"picture"} Tab
 */

const ASKED = "Asked about the file";

export class Drawer {
  /** @type {Tab|null} */
  open = null;

  /**
   * @param {HTMLElement} host
   * @param {Record<Tab, HTMLElement>} bodies
   * @param {Record<Tab, HTMLElement>} buttons of the tool rail
   * @param {number|string} me
   */
  constructor(host, bodies, buttons, me) {
    this.host = host;
    this.bodies = bodies;
    this.buttons = buttons;
    this.name = `drawer.${me}`;
    this.tabs = /** @type {Record<Tab, HTMLElement>} */ ({
      slide: this.#tab("slide", "Slide"),
      picture: this.#tab("picture", "Picture"),
    });
    const close = el(
      "button",
      { type: "button", class: "btn ghost small icon-only push", "aria-label": "Close", onclick: () => this.show(null) },
      icon("x"),
    );
    for (const [tab, body] of Object.entries(bodies)) {
      body.setAttribute("role", "tabpanel");
      body.setAttribute("aria-label", tab === "slide" ? "Slide" : "Picture");
      body.setAttribute("tabindex", "0"); // it scrolls
      body.id = `drawer-${tab}`;
    }
    const tabs = el("div", { class: "d-list", role: "tablist", "aria-label": "Drawer" }, this.tabs.slide, this.tabs.picture);
    host.append(el("div", { class: "d-tabs" }, tabs, close));
    host.append(bodies.slide, bodies.picture);
    for (const tab of /** @type {Tab[]} */ (["slide", "picture"])) buttons[tab].addEventListener("click", () => this.toggle(tab));
    const kept = choice(this.name, "");
    this.show(kept === "slide" || kept === "picture" ? kept : null);
  }

  /** @param {Tab} tab @param {string} words */
  #tab(tab, words) {
    return el("button", {
      type: "button",
      role: "tab",
      "aria-controls": `drawer-${tab}`,
      text: words,
      onclick: () => this.show(tab),
    });
  }

  /** @param {Tab} tab */
  toggle(tab) {
    this.show(this.open === tab ? null : tab);
  }

  /** @param {Tab|null} tab */
  show(tab) {
    this.open = tab;
    this.host.hidden = tab === null;
    for (const name of /** @type {Tab[]} */ (["slide", "picture"])) {
      this.bodies[name].hidden = name !== tab;
      this.tabs[name].setAttribute("aria-selected", String(name === tab));
      this.buttons[name].setAttribute("aria-pressed", String(name === tab));
    }
    choose(this.name, tab ?? "");
  }
}

/**
 * @param {{sections: {title: string, facts: Fact[]}[], hints: string[]}} slide
 * @param {HTMLElement|null} check the slide check of the analysis
 * @param {(() => void)|null} calibrate null: this person may not
 * @param {HTMLElement|null} answers buttons for what is asked about the slide
 * @param {HTMLElement} tumour the areas that are drawn
 */
export function slideFacts({ sections, hints }, check, calibrate, answers, tumour) {
  const list = (/** @type {Fact[]} */ facts) =>
    el(
      "dl",
      {},
      ...facts.flatMap(({ term, text, note }) => [
        el("dt", { text: term }),
        el("dd", {}, text, note ? el("small", { text: note }) : null),
      ]),
    );
  const button = calibrate
    ? el("button", { type: "button", class: "btn small", id: "calibrate-button", onclick: calibrate }, icon("ruler"), "Pixel size…")
    : null;
  return el(
    "div",
    { class: "d-body" },
    ...sections.flatMap(({ title, facts }, index) => [
      el("section", {}, el("h2", { text: title }), list(facts), index === 0 ? button : title === ASKED ? answers : null),
      index === 0 && el("section", {}, el("h2", { text: "Tumour, as drawn" }), tumour),
    ]),
    check ? el("section", {}, el("h2", { text: "Like the training slides" }), check) : null,
    hints.length ? el("section", {}, el("h2", { text: "Hints" }), ...hints.map((text) => el("p", { text }))) : null,
  );
}

/** The person's choices of the drawer, as keys. @param {Drawer} drawer @param {import("./picture.js").Picture} picture */
export function drawerKeys(drawer, picture) {
  return /** @type {import("./keys.js").Binding[]} */ ([
    { keys: ["i"], words: "facts of the slide", run: () => drawer.toggle("slide") },
    {
      keys: ["b"],
      words: "brightness, contrast, gamma",
      run: () => {
        drawer.toggle("picture");
        if (drawer.open) one("#picture-brightness").focus();
      },
    },
    { keys: ["n"], words: "normalised stain", run: () => picture.toggleNormalised() },
  ]);
}
