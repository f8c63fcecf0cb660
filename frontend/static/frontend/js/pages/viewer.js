/** The viewer page: puts slide, marks and review together. What each part does stands in its own module. */

import { remove } from "../lib/api.js";
import { installDialogs, installMenus } from "../lib/behaviours.js";
import { el, icon, one, pageData } from "../lib/dom.js";
import { installFolding } from "../lib/fold.js";
import { rememberPerson } from "../lib/person.js";
import { plural } from "../lib/format.js";
import { toast, installToasts } from "../lib/toast.js";
import { installTooltips } from "../lib/tooltip.js";
import { MarkLayer } from "../overlays/layer.js";
import { installAnalyseDialog } from "../review/analyse_dialog.js";
import { installImportDialog } from "../review/import_dialog.js";
import { PURPOSE_HELP } from "../review/labels.js";
import { sendLeftovers } from "../review/leftovers.js";
import { EFFECT_HELP } from "../review/order.js";
import { Runs } from "../review/runs.js";
import { startReview } from "../review/session.js";
import { validityParts } from "../review/validity.js";
import { areaList } from "../viewer/area_list.js";
import { Areas } from "../viewer/areas.js";
import { installAreaImport } from "../viewer/import_areas.js";
import { answerButtons, askingParts, openDoubts } from "../viewer/answers.js";
import { Drawer, drawerKeys, slideFacts } from "../viewer/drawer.js";
import { installKeys } from "../viewer/keys.js";
import { Overview } from "../viewer/overview.js";
import { pickSlide } from "../viewer/pick_slide.js";
import { Picture } from "../viewer/picture.js";
import { PixelSizeDialog } from "../viewer/pixel_size.js";
import { installPrefetch } from "../viewer/prefetch.js";
import { installRegions, movableRegion, nameMoved } from "../viewer/regions.js";
import { installScaleBar } from "../viewer/scalebar.js";
import { SlideView } from "../viewer/slide_view.js";
import { StainView } from "../viewer/stain.js";
import { Tools } from "../viewer/tools.js";
import { installView, viewKeys } from "../viewer/view_controls.js";
import { installZooms } from "../viewer/zooms.js";

const data = /** @type {import("../viewer/types.js").ViewerData} */ (pageData("viewer-data"));

const PRELOAD_MS = 1500; // after the first tiles

/** Of slides that cannot be shown: icon, heading, and what to say without a reason. @type {Record<string, [string, string, string]>} */
const STANDINGS = {
  checking: ["loader", "Still being checked", "The slide appears here when the checks are done."],
  quarantine: [
    "shield",
    "Waits for an administrator",
    "Its file holds fields that may name a patient and that no rule knows. An administrator releases or deletes it.",
  ],
  refused: ["file-x", "Refused", "The file could not be used."],
};

rememberPerson();
installMenus();
installDialogs();
installToasts();
installTooltips();
installFolding(one(".v-top"));
installFolding(one(".v-sub"));

if (data.slide.state !== "ready" || !data.analysis) sendLeftovers();
if (data.slide.state === "ready") start();
else explain();

function start() {
  const view = new SlideView(one("#osd"), one("#navigator"), data.slide);
  const overview = new Overview(view);
  const layer = new MarkLayer(view);
  installPrefetch(view);
  installScaleBar(one("#scale"), view);
  installZooms(one("#zooms"), view);
  const controls = installView(view, layer);
  const openAnalyse = installAnalyseDialog(one("#analyse-dialog"), data);
  const openImport = installImportDialog(one("#import-dialog"), data);
  const regions = installRegions(data, layer);
  const areas = new Areas(data, layer);
  const importAreas = installAreaImport(one("#areas-dialog"), data, handleImported(regions, areas));
  const { analysis } = data;
  const review = analysis
    ? startReview({ data: { ...data, analysis }, view, layer, regions, openAnalyse, openImport, importAreas })
    : null;

  const tools = new Tools(view, layer, {
    buttons: [...document.querySelectorAll("[data-tool]")].map((button) => /** @type {HTMLElement} */ (button)),
    frame: document.body,
    hint: one("#hint"),
    may: { add: Boolean(review) && data.may.judge, region: data.may.region, draw: data.may.region, length: data.may.calibrate },
    actions: {
      choose: (key) => review?.choose(key),
      add: (x_l0, y_l0) => review?.addFigure(x_l0, y_l0),
      region: (polygon) => regions.save(polygon),
      loadDrawing: () => loadDrawing(),
    },
  });
  /** @type {import("../viewer/drawing/draw_tool.js").DrawTool|null} */
  let drawTool = null;
  const loadDrawing = async () => {
    const { DrawTool } = await import("../viewer/drawing/draw_tool.js");
    drawTool ??= new DrawTool(view, layer, {
      tools,
      areas,
      bar: one("#draw-bar"),
      hint: one("#hint"),
      live: one("#live"),
      movable: () => movableRegion(review?.count, regions.all),
      keepRegion: (polygon, name) => regions.save(polygon, nameMoved(name, regions.all)),
    });
  };
  // So that it is there when wanted; where that fails it is asked for again then, and the person is told.
  if (data.may.region) view.addEventListener("opened", () => setTimeout(() => loadDrawing().catch(() => undefined), PRELOAD_MS));
  const draw = async (/** @type {import("../viewer/areas.js").Area|null} */ area) => {
    await loadDrawing();
    drawTool?.start(area);
  };
  const tumour = areaList(
    areas,
    data.may.region ? { draw: () => draw(null), import: importAreas, edit: (area) => draw(area) } : null,
    review?.count ?? null,
  );
  const calibrate = data.may.calibrate ? installCalibration(tools) : null;
  if (!review) showWithoutAnalysis(openAnalyse, openImport, calibrate);
  const drawerBindings = installDrawer(new StainView(view, overview), review, calibrate, tumour);
  const beside = { keys: ["s"], words: "side by side with another slide", run: layBeside };
  one("#compare-button").addEventListener("click", layBeside);
  const gallery = { keys: ["Shift g"], words: "gallery of all crops", run: () => one("#gallery-link").click() };
  const enter = {
    keys: ["Enter"],
    words: review && data.may.judge ? "go on, at the end of the queue" : "",
    navigation: true,
    run: () => tools.enter() || review?.goOnward(),
  };
  const leave = {
    keys: ["Escape"],
    words: "",
    navigation: true,
    run: () => tools.escape() || review?.walk.leave() || review?.closeTalk(),
  };
  const showKeys = installKeys(
    [
      ...(review?.keys ?? []),
      enter,
      leave,
      ...viewKeys(view, controls, tools),
      ...drawerBindings,
      beside,
      ...(review ? [gallery] : []),
    ],
    one("#keys-dialog"),
    review && data.may.judge ? `${PURPOSE_HELP} ${EFFECT_HELP}` : "",
  );
  one("#keys-button").addEventListener("click", showKeys);
  view.addEventListener("failed", () =>
    toast("The slide's pictures could not be loaded: reload the page, or tell an administrator.", { kind: "bad" }),
  );
}

/** What becomes of areas that came from a file. @param {ReturnType<typeof installRegions>} regions @param {Areas} areas @returns {import("../viewer/import_areas.js").Handlers} */
function handleImported(regions, areas) {
  return {
    kept: (kept) => (kept[0]?.kind === "tumour" ? areas.take(kept) : regions.take(kept)),
    undo: async (kept) => {
      try {
        for (const { id } of kept) await remove(`${data.api}regions/${id}/`);
      } catch (error) {
        toast(`Not all were taken back: ${/** @type {Error} */ (error).message} Reload the page.`, { kind: "bad" });
        return;
      }
      if (kept[0]?.kind === "tumour") await areas.refresh();
      else regions.drop(kept);
    },
  };
}

/** @param {Tools} tools @returns {() => void} opens the dialog */
function installCalibration(tools) {
  const dialog = new PixelSizeDialog(one("#pixel-size-dialog"), data.api, data.slide, {
    draw: (done) => tools.drawLength(done),
    closed: () => tools.forgetLine(),
    saved: () => location.reload(),
  });
  return () => dialog.open();
}

/**
 * @param {StainView} stain
 * @param {ReturnType<typeof startReview>|null} review
 * @param {(() => void)|null} calibrate
 * @param {HTMLElement} tumour
 */
function installDrawer(stain, review, calibrate, tumour) {
  const picture = new Picture([stain], {
    me: data.me.id,
    filter: one("#picture-filter"),
    note: one("#view-note"),
    say: (text) => toast(text, { kind: "warn" }),
  });
  const check = review ? el("div") : null;
  const showCheck = () => {
    const { chip, reasons } = validityParts(
      review?.store.analysis?.validity ?? null,
      ["queued", "running"].includes(review?.store.analysis?.follow_up.state ?? ""),
    );
    check?.replaceChildren(chip, ...reasons.map((text) => el("p", { text })));
  };
  let known = /** @type {unknown} */ (undefined);
  review?.store.addEventListener("change", () => {
    const { validity } = review.store.analysis ?? {};
    if (validity !== known) showCheck();
    known = validity;
  });
  showCheck();
  const answers = answerButtons(data.slide, calibrate);
  const drawer = new Drawer(
    one("#drawer"),
    { slide: slideFacts({ ...data.facts, hints: data.slide.hints }, check, calibrate, answers, tumour), picture: picture.controls },
    { slide: one("#slide-button"), picture: one("#picture-button") },
    data.me.id,
  );
  return drawerKeys(drawer, picture);
}

function layBeside() {
  const { slides, accession } = data.case;
  const others = slides.filter(({ id }) => id !== data.slide.id);
  pickSlide(one("#pick-dialog"), { api: data.api, accession, slides: others }, (id) =>
    location.assign(`/slides/${data.slide.id}/compare/${id}/${location.hash}`),
  );
}

/** @param {() => void} openAnalyse @param {() => void} openImport @param {(() => void)|null} calibrate */
function showWithoutAnalysis(openAnalyse, openImport, calibrate) {
  const { slide, may } = data;
  const unknown = !slide.mpp_x;
  const isAsked = !unknown && openDoubts(slide).length > 0;
  const canStart = !unknown && !isAsked;
  const standing = unknown
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
  const parts = isAsked ? askingParts(slide, calibrate) : standing;
  if (unknown && calibrate) parts.push(el("button", { type: "button", class: "btn primary", text: "Set…", onclick: calibrate }));
  if (canStart && may.analyse)
    parts.push(
      el("button", { type: "button", class: "btn primary", id: "analyse-button", text: "Analyse…", onclick: openAnalyse }),
      el("button", { type: "button", class: "btn", text: "Import detections…", onclick: openImport }),
    );
  if (canStart && !may.analyse) parts.push(el("p", { class: "caption", text: "A technician or team lead starts it." }));
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
      el(
        "div",
        { class: "s-cell" },
        el("b", { text: "no count" }),
        unknown ? "no pixel size" : isAsked ? "waits for an answer" : "no analysis",
      ),
    ),
  );
  one("#saved").textContent = "";
  showEarlierAnalyses(openAnalyse, openImport);
}

/**
 * Analyses that failed or were cancelled show nothing by themselves, and can still be opened.
 * @param {() => void} openAnalyse @param {() => void} openImport
 */
function showEarlierAnalyses(openAnalyse, openImport) {
  const { api, may, analyses } = data;
  const menu = /** @type {HTMLDetailsElement} */ (one("#analysis-menu"));
  const sign = one("#analysis-state");
  new Runs(
    { sign, menu, list: one("#analysis-list"), panel: el("div") },
    { api, may, slide: data.slide.id, analyses, current: null, open: openAnalyse, openImport, refresh: () => location.reload() },
  );
  sign.textContent = plural(analyses.length, "unfinished analysis", "unfinished analyses");
}

/** The slide cannot be shown: say where it stands. */
function explain() {
  const { state, reason } = data.slide;
  const [image, title, words] = STANDINGS[state] ?? STANDINGS.checking;
  for (const name of ["#compare-button", "#slide-button", "#picture-button"]) one(name).setAttribute("disabled", "");
  one("#panel").replaceChildren(
    el(
      "div",
      { class: "empty r-list-only" },
      icon(image),
      el("h2", { text: title }),
      el("p", { text: reason || words }),
      el("a", { class: "btn", href: data.case.url, text: "To the case" }),
    ),
  );
  if (state === "checking") setTimeout(() => location.reload(), 4000);
}
