/** The viewer page: puts slide, marks and review together. What each part does stands in its own module. */

import { installDialogs, installMenus } from "../lib/behaviours.js";
import { el, icon, one, pageData } from "../lib/dom.js";
import { rememberPerson } from "../lib/person.js";
import { toast, installToasts } from "../lib/toast.js";
import { installTooltips } from "../lib/tooltip.js";
import { MarkLayer } from "../overlays/layer.js";
import { installAnalyseDialog } from "../review/analyse_dialog.js";
import { askPixelSize } from "../review/dialogs.js";
import { startReview } from "../review/session.js";
import { installKeys } from "../viewer/keys.js";
import { installRegions } from "../viewer/regions.js";
import { installScaleBar } from "../viewer/scalebar.js";
import { SlideView } from "../viewer/slide_view.js";
import { Tools } from "../viewer/tools.js";
import { installView, viewKeys } from "../viewer/view_controls.js";
import { installZooms } from "../viewer/zooms.js";

const data = pageData("viewer-data");

rememberPerson();
installMenus();
installDialogs();
installToasts();
installTooltips();

if (data.slide.state === "ready") start();
else explain();

function start() {
  const view = new SlideView(one("#osd"), one("#navigator"), data.slide);
  const layer = new MarkLayer(view);
  installScaleBar(one("#scale"), view);
  installZooms(one("#zooms"), view);
  const controls = installView(view, layer);
  const openAnalyse = installAnalyseDialog(one("#analyse-dialog"), data);
  const regions = installRegions(data, layer);
  const review = data.analysis ? startReview({ data, view, layer, regions, openAnalyse }) : null;
  if (!review) showWithoutAnalysis(openAnalyse);

  const tools = new Tools(view, layer, {
    buttons: [...document.querySelectorAll("[data-tool]")].map((button) => /** @type {HTMLElement} */ (button)),
    frame: document.body,
    hint: one("#hint"),
    may: { add: Boolean(review) && data.may.judge, region: data.may.region },
    actions: {
      choose: (key) => review?.choose(key),
      add: (x_l0, y_l0) => review?.addFigure(x_l0, y_l0),
      region: (polygon) => regions.save(polygon),
    },
  });
  const showKeys = installKeys([...(review?.keys ?? []), ...viewKeys(view, controls, tools)], one("#keys-dialog"));
  one("#keys-button").addEventListener("click", showKeys);
  view.addEventListener("failed", () =>
    toast("The slide's pictures could not be loaded: reload the page, or tell an administrator.", { kind: "bad" }),
  );
}

/** @param {() => void} openAnalyse */
function showWithoutAnalysis(openAnalyse) {
  const { slide, may } = data;
  const unknown = !slide.mpp_x;
  const parts = unknown
    ? [
        icon("ruler"),
        el("h2", { text: "No pixel size" }),
        el("p", { text: "The file names none. Without it the slide can be viewed, not analysed or counted." }),
      ]
    : [
        icon("microscope"),
        el("h2", { text: "Not analysed yet" }),
        el("p", { text: "An analysis finds candidate figures on this slide; you judge them here." }),
      ];
  if (unknown && may.calibrate)
    parts.push(
      el("button", {
        type: "button",
        class: "btn primary",
        text: "Set…",
        onclick: () => askPixelSize(one("#pixel-size-dialog"), data.api, slide),
      }),
    );
  if (!unknown && may.analyse)
    parts.push(
      el("button", { type: "button", class: "btn primary", id: "analyse-button", text: "Analyse…", onclick: openAnalyse }),
    );
  if (!unknown && !may.analyse) parts.push(el("p", { class: "caption", text: "A technician or team lead starts it." }));
  one("#panel").replaceChildren(el("div", { class: "empty r-list-only" }, ...parts));
  one("#strip").replaceChildren(
    el(
      "div",
      { class: "s-line" },
      el("span", { text: unknown ? "Nothing per mm² without a pixel size" : "The count appears here" }),
      el("span", { class: "roo", text: "Research use only" }),
    ),
    el(
      "div",
      { class: "s-body" },
      el("div", { class: "s-count" }, el("div", { class: "number third", text: "–" })),
      el("div", { class: "s-cell" }, el("b", { text: "no count" }), unknown ? "no pixel size" : "no analysis"),
    ),
  );
  one("#saved").textContent = "";
  one("#analysis-menu").hidden = data.analyses.length === 0;
}

/** The slide cannot be shown: say where it stands. */
function explain() {
  const { state, reason } = data.slide;
  const refused = state === "refused";
  one("#panel").replaceChildren(
    el(
      "div",
      { class: "empty r-list-only" },
      icon(refused ? "file-x" : "loader"),
      el("h2", { text: refused ? "Refused" : "Still being checked" }),
      el("p", { text: reason || (refused ? "The file could not be used." : "The slide appears here when the checks are done.") }),
      el("a", { class: "btn", href: data.case.url, text: "To the case" }),
    ),
  );
  if (!refused) setTimeout(() => location.reload(), 4000);
}
