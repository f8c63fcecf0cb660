/** The protocol that is counted by: a button with its name, which opens upward to those that are on. */

import { get, request } from "../lib/api.js";
import { el, icon } from "../lib/dom.js";
import { area } from "../lib/format.js";
import { toast } from "../lib/toast.js";
import { sayCutoffs } from "./score.js";

/**
 * @typedef {import("./count.js").Protocol} Protocol
 * @typedef {{name: string, version: number, title: string, area_mm2: number, cutoffs: import("./count.js").Cutoff[], on: boolean}} Version
 * @typedef {{name: string, version: number, title: string, chosen: "team"|"default", tumour: string}} Default
 */

const CHOSEN = { case: "Chosen for this case.", team: "The team's default for this tumour.", default: "No protocol was chosen." };

export class ProtocolMenu {
  /**
   * @param {{api: string, case: string, may: boolean, chosen: () => void}} parts case: its id; may: whether this person may choose; chosen: after a change
   */
  constructor(parts) {
    this.parts = parts;
    /** @type {Protocol|null} */
    this.protocol = null;
    this.title = el("b", { class: "ellipsis", "data-fold": 6 });
    this.rest = el("span", { class: "third", "data-fold": 2 });
    this.items = el("div", { class: "items protocols" });
    this.element = /** @type {HTMLDetailsElement} */ (
      el(
        "details",
        { class: "menu up left", "data-menu": true, id: "protocol-menu", ontoggle: () => this.element.open && this.#load() },
        el("summary", { class: "btn small" }, this.title, this.rest, icon("chevron-up")),
        this.items,
      )
    );
  }

  /** @param {Protocol} protocol */
  show(protocol) {
    this.protocol = protocol;
    const [name, ...rest] = protocol.title.split(", ");
    this.title.textContent = name;
    this.title.title = `${protocol.title}, version ${protocol.version}`;
    this.rest.textContent = [...rest, `v${protocol.version}`].join(", ");
  }

  async #load() {
    const { api, case: caseId } = this.parts;
    this.items.replaceChildren(el("small", { text: "Asking which protocols are on" }));
    try {
      const [versions, { default: usual }] = await Promise.all([get(`${api}protocols/`), get(`${api}cases/${caseId}/protocol/`)]);
      this.#list(versions, usual);
    } catch (error) {
      this.items.replaceChildren(el("small", { text: `Not listed: ${/** @type {Error} */ (error).message}` }));
    }
  }

  /** @param {Version[]} versions @param {Default} usual */
  #list(versions, usual) {
    const { protocol, parts } = this;
    if (!protocol) return;
    const offered = listOffered(versions);
    const rows = offered.map((version) => this.#row(version, usual));
    const back = `Back to the default, ${usual.title}`;
    const isUndone = parts.may && protocol.chosen === "case";
    this.items.replaceChildren(
      el("small", { text: CHOSEN[protocol.chosen] }),
      ...(isUndone ? [el("button", { type: "button", onclick: () => this.#choose(null) }, icon("undo-2"), back)] : []),
      el(
        "a",
        { href: `/protocols/${encodeURIComponent(protocol.code)}/${protocol.version}/` },
        icon("book-open"),
        "What this protocol says, with its sources",
      ),
      el("small", { text: parts.may ? "Change for this case; verdicts stay as they are" : "Protocols that are on" }),
      ...rows,
    );
  }

  /** @param {Version} version @param {Default} usual */
  #row(version, usual) {
    const { protocol, parts } = this;
    const isNow = protocol?.code === version.name && protocol.version === version.version;
    const isUsual = usual.name === version.name && usual.version === version.version;
    return el(
      "button",
      {
        type: "button",
        "aria-current": isNow ? "true" : null,
        disabled: !parts.may,
        onclick: () => !isNow && this.#choose(version),
      },
      icon(isNow ? "check" : "circle", isNow ? "" : "faint"),
      el(
        "span",
        {},
        el("b", { text: version.title }),
        el("small", { text: `${area(version.area_mm2)}, ${version.cutoffs.length ? sayCutoffs(version.cutoffs) : "no score"}` }),
      ),
      el("span", { class: "third push", text: [`v${version.version}`, isUsual && "default"].filter(Boolean).join(", ") }),
    );
  }

  /** @param {Version|null} version null: the default again */
  async #choose(version) {
    const { api, case: caseId, chosen } = this.parts;
    const json = { name: version?.name ?? null, version: version?.version ?? null };
    try {
      await request("PUT", `${api}cases/${caseId}/protocol/`, { json });
      chosen();
    } catch (error) {
      toast(`The protocol was not changed: ${/** @type {Error} */ (error).message}`, { kind: "bad" });
    }
  }
}

/** The newest version of each that is on. @param {Version[]} versions by name, the newest first */
export function listOffered(versions) {
  const names = new Set();
  return versions.filter(({ name, on }) => on && !names.has(name) && names.add(name));
}
