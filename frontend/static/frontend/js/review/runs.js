/** The analysis as a job: its sign in the head, running and failed panels, the list of analyses, the start dialog. */

import { post } from "../lib/api.js";
import { el, icon } from "../lib/dom.js";
import { duration, plural, whole } from "../lib/format.js";
import { toast } from "../lib/toast.js";
import { validityLine } from "./validity.js";

/** @typedef {import("./types.js").Analysis} Analysis */

const SIGNS = /** @type {Record<string, [string, string, string]>} */ ({
  queued: ["clock", "Waiting", "accent"],
  running: ["loader", "Analysing", "accent"],
  done: ["circle-check", "Analysis done", "yes"],
  failed: ["circle-alert", "Analysis failed", "bad"],
  cancelled: ["circle-x", "Analysis cancelled", "warn"],
});
const IMPORTED = /** @type {Record<string, [string, string, string]>} */ ({
  queued: ["clock", "Imported, waiting", "accent"],
  running: ["loader", "Imported, looking for tissue", "accent"],
  done: ["file-check", "Imported", "yes"],
  failed: ["circle-alert", "Imported, no area", "warn"],
  cancelled: ["circle-x", "Imported, withdrawn", "warn"],
});
const TO_BE_TAKEN_BACK = "Withdraw these detections? They and the verdicts on them are kept, and count no more.";

/** @param {number|null} seconds */
const timeLeft = (seconds) => (seconds ? `about ${duration(seconds)} left` : "");

/** @param {{name: string, done: number, total: number}} step */
function progressBar({ name, done, total }) {
  return el("progress", total ? { max: total, value: done, "aria-label": name } : { "aria-label": name });
}

/** "First look at the nuclei 4 of 16, about 40 s left". @param {import("./types.js").Step} step */
function stepWords({ name, done, total, eta_s: left }) {
  const far = total ? `${whole(done)} of ${whole(total)}` : "";
  return [el("b", { text: `${name} ` }), ` ${[far, timeLeft(left)].filter(Boolean).join(", ")}`];
}

export class Runs {
  /**
   * @param {{sign: HTMLElement, menu: HTMLDetailsElement, list: HTMLElement, panel: HTMLElement}} hosts
   * @param {{api: string, slide: string, may: {analyse: boolean, explain: boolean}, analyses: import("../viewer/types.js").AnalysisRow[], current: string|null, open: () => void, openImport: () => void, refresh: () => void}} parts
   */
  constructor(hosts, parts) {
    this.hosts = hosts;
    this.parts = parts;
    this.shown = "";
    this.#fillMenu();
  }

  #fillMenu() {
    const { analyses, current, may, open, openImport } = this.parts;
    this.hosts.menu.hidden = analyses.length === 0;
    const rows = analyses.map((analysis, index) => {
      const at = new Date(analysis.created).toLocaleString("en-GB", {
        day: "numeric",
        month: "short",
        hour: "2-digit",
        minute: "2-digit",
      });
      const how = analysis.imported ? "imported" : `${analysis.region ?? "whole slide"}, ${analysis.mode}`;
      const words = [`${analyses.length - index}`, analysis.model, how, at].join(", ");
      return el(
        "a",
        { href: `?analysis=${analysis.id}`, "aria-current": analysis.id === current ? "true" : null },
        icon((analysis.imported ? IMPORTED : SIGNS)[analysis.state]?.[0] ?? "circle"),
        `Analysis ${words}`,
      );
    });
    const shows = (/** @type {import("../viewer/types.js").AnalysisRow} */ { state, imported }) =>
      state === "done" || (imported && state !== "cancelled");
    const other = analyses.find((analysis) => analysis.id !== current && shows(analysis));
    if (current && other)
      rows.push(
        el("a", { href: `compare/${this.parts.slide}/?left=${current}&right=${other.id}` }, icon("columns-2"), "Side by side…"),
      );
    if (may.analyse)
      rows.push(
        el("button", { type: "button", onclick: open }, icon("plus"), "Analyse…"),
        el("button", { type: "button", onclick: openImport }, icon("upload"), "Import detections…"),
      );
    this.hosts.list.replaceChildren(...rows);
  }

  /** @param {Analysis|null} analysis */
  update(analysis) {
    const state = JSON.stringify(analysis);
    if (state === this.shown) return;
    this.shown = state;
    if (!analysis) return;
    const [name, word, css] = (analysis.imported ? IMPORTED : SIGNS)[analysis.state];
    const percent = analysis.total ? ` ${Math.floor((100 * analysis.done) / analysis.total)} %` : "";
    const scored = `, ${whole(analysis.detections)} ${analysis.imported ? "detections" : "scored"}`;
    const fact = analysis.state === "running" ? percent : analysis.state === "done" ? scored : "";
    const sign = icon(name, analysis.state === "running" ? "spin" : "");
    sign.classList.add(css);
    this.hosts.sign.replaceChildren(sign, `${word}${fact}`);
    this.hosts.panel.replaceChildren(...this.#panel(analysis));
  }

  /** @param {Analysis} analysis */
  #panel(analysis) {
    if (analysis.imported) return [this.#origin(analysis, analysis.imported)];
    if (analysis.state === "queued" || analysis.state === "running") return [this.#running(analysis)];
    if (analysis.state === "failed" || analysis.state === "cancelled") return [this.#ended(analysis)];
    const coming = ["queued", "running"].includes(analysis.follow_up.state);
    if (coming) return [this.#following(analysis.follow_up), validityLine(analysis.validity, coming)];
    if (["failed", "cancelled"].includes(analysis.follow_up.state))
      return [this.#lacking(analysis), validityLine(analysis.validity)];
    const ask = !analysis.validity && this.parts.may.explain ? this.#askButton("Compare it now") : null;
    return [validityLine(analysis.validity, coming, ask)];
  }

  /**
   * Of imported detections: what found them, who brought them, what is odd about the file, and the way back.
   * @param {Analysis} analysis @param {import("./types.js").Imported} imported
   */
  #origin({ state, message, model, created, created_by: by, withdrawn }, { format, file_sha256: hash, notes }) {
    const at = new Date(created).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    const facts = [format, `by ${by?.username ?? "the program"}`, at, `file ${hash.slice(0, 12)}`].join(", ");
    const failed = state === "failed";
    const isPlain = !failed && !withdrawn && state === "done" && !message;
    const takeBack = { type: "button", class: "btn small", text: "Withdraw…", onclick: () => this.#withdraw() };
    const again = { type: "button", class: "btn small", text: "Find the area", onclick: () => this.#act("retry", "It failed") };
    if (isPlain) {
      const told = [facts, ...notes].map((text) => el("li", { text }));
      return el(
        "details",
        { class: "validity" },
        el(
          "summary",
          {},
          el("span", { class: "chip" }, icon("file-check"), "Imported"),
          el("span", {
            class: "first ellipsis",
            text: [model.name, notes.length && plural(notes.length, "note")].filter(Boolean).join(", "),
          }),
          icon("chevron-down"),
        ),
        el(
          "ul",
          { tabindex: 0, "aria-label": "Where these detections come from" },
          ...told,
          this.parts.may.analyse && el("li", {}, el("button", takeBack)),
        ),
      );
    }
    return el(
      "section",
      { class: `run ${failed ? "failed" : ""}`, "aria-label": "Where these detections come from" },
      el("h2", {}, icon(withdrawn ? "circle-x" : "file-check"), `${withdrawn ? "Withdrawn" : "Imported"}: ${model.name}`),
      el("p", { class: "facts-line", text: facts }),
      (withdrawn || failed || message) && el("p", { text: message }),
      notes.length > 0 &&
        el(
          "details",
          {},
          el("summary", { text: plural(notes.length, "note") }),
          el("ul", {}, ...notes.map((text) => el("li", { text }))),
        ),
      !withdrawn &&
        this.parts.may.analyse &&
        el("div", { class: "row" }, (failed || state === "cancelled") && el("button", again), el("button", takeBack)),
    );
  }

  #withdraw() {
    if (confirm(TO_BE_TAKEN_BACK)) this.#act("withdraw", "They could not be withdrawn");
  }

  /** @param {string} text */
  #askButton(text) {
    const onclick = () => this.#act("explanations", "It could not be asked for");
    return el("button", { type: "button", class: "btn", text, onclick });
  }

  /** Slide check and explanations that are on their way. @param {import("./types.js").FollowUp} followUp */
  #following({ state, message, step }) {
    const waits = message || "Slide check and explanations follow as soon as a worker is free.";
    return el(
      "section",
      { class: "run", "aria-label": "What follows the analysis" },
      step && progressBar(step),
      el("p", { class: "facts-line" }, ...(state === "running" && step ? stepWords(step) : [waits])),
    );
  }

  /** What did not come: why, and a way to ask for it again. @param {Analysis} analysis */
  #lacking({ follow_up: { state, message, job }, validity }) {
    const failed = state === "failed";
    return el(
      "section",
      { class: `run ${failed ? "failed" : ""}`, "aria-label": "What follows the analysis" },
      el(
        "h2",
        {},
        icon(failed ? "circle-alert" : "circle-x"),
        validity ? "Explanations are missing" : "Slide check and explanations are missing",
      ),
      el("p", { text: `${message} Detections and count are complete.` }),
      el(
        "div",
        { class: "row" },
        this.parts.may.explain && this.#askButton("Make them again"),
        job && el("a", { class: "btn ghost", href: `/jobs/?open=${job}`, text: "Log" }),
      ),
    );
  }

  /** @param {Analysis} analysis */
  #running(analysis) {
    const { state, done, total, detections, eta_s: left, device, step } = analysis;
    const scans = !step || done > 0; // before the first tile the steps say more than its count
    const facts = [`${plural(detections, "detection")} scored so far`, timeLeft(left), device].filter(Boolean).join(", ");
    return el(
      "section",
      { class: "run", "aria-label": "Analysis running" },
      el(
        "div",
        { class: "head-line" },
        el("b", { text: state === "queued" ? "Waiting for a worker" : "Analysing" }),
        el("span", { class: "second ellipsis", text: `${analysis.model.name}, ${analysis.mode}` }),
        this.parts.may.analyse &&
          el("button", {
            type: "button",
            class: "btn ghost small",
            text: "Cancel",
            onclick: () => this.#act("cancel", "The analysis could not be cancelled"),
          }),
      ),
      progressBar(scans ? { name: "Tiles done", done, total } : step),
      el(
        "p",
        { class: "facts-line" },
        ...(state === "queued"
          ? [analysis.message || "It starts as soon as one is free."]
          : scans && total
            ? [el("b", { text: `${whole(done)} of ${whole(total)} tiles ` }), ` ${facts}`]
            : step
              ? stepWords(step)
              : ["Starting."]),
      ),
    );
  }

  /** @param {Analysis} analysis */
  #ended({ state, message, done, total, detections, job }) {
    const failed = state === "failed";
    const kept = `${total ? `Stopped at ${whole(done)} of ${whole(total)} tiles. ` : ""}${detections ? `The ${plural(detections, "detection")} found so far ${detections === 1 ? "is" : "are"} kept.` : ""}`;
    return el(
      "section",
      { class: `run ${failed ? "failed" : ""}`, role: failed ? "alert" : null },
      el(
        "h2",
        {},
        icon(failed ? "circle-alert" : "circle-x"),
        failed ? message || "The analysis failed" : message || "The analysis was cancelled",
      ),
      el("p", { text: kept }),
      el(
        "div",
        { class: "row" },
        this.parts.may.analyse &&
          el("button", {
            type: "button",
            class: "btn",
            text: failed ? "Run again" : "Go on",
            onclick: () => this.#act("retry", "It could not be started again"),
          }),
        job && el("a", { class: "btn ghost", href: `/jobs/?open=${job}`, text: "Log" }),
      ),
    );
  }

  /** @param {"cancel"|"retry"|"explanations"|"withdraw"} action @param {string} otherwise */
  async #act(action, otherwise) {
    try {
      await post(`${this.parts.api}analyses/${this.parts.current}/${action}/`);
      this.parts.refresh();
    } catch (error) {
      toast(`${otherwise}: ${/** @type {Error} */ (error).message}`, { kind: "bad" });
    }
  }
}
