/** Two slides side by side, moved as one: link, rotation, marks, and the address that opens the same two places. */

import { get } from "../lib/api.js";
import { installDialogs, installMenus } from "../lib/behaviours.js";
import { one, pageData } from "../lib/dom.js";
import { installFolding } from "../lib/fold.js";
import { rememberPerson } from "../lib/person.js";
import { installToasts, toast } from "../lib/toast.js";
import { installTooltips } from "../lib/tooltip.js";
import { MarkLayer } from "../overlays/layer.js";
import { sendLeftovers } from "../review/leftovers.js";
import { ReviewStore } from "../review/store.js";
import { readPosition, writePosition } from "../viewer/address.js";
import { installKeys } from "../viewer/keys.js";
import { Link } from "../viewer/link.js";
import { Overview } from "../viewer/overview.js";
import { pickSlide } from "../viewer/pick_slide.js";
import { Picture } from "../viewer/picture.js";
import { installPrefetch } from "../viewer/prefetch.js";
import { installScaleBar } from "../viewer/scalebar.js";
import { SlideView } from "../viewer/slide_view.js";
import { StainView } from "../viewer/stain.js";
import { panKeys } from "../viewer/view_controls.js";
import { installZooms } from "../viewer/zooms.js";

const ADDRESS_DELAY_MS = 250;
const data = /** @type {import("../viewer/types.js").CompareData} */ (pageData("viewer-data"));

rememberPerson();
sendLeftovers();
installMenus();
installDialogs();
installToasts();
installTooltips();
installFolding(one(".v-top"));

const panes = /** @type {[Pane, Pane]} */ ([openPane(0), openPane(1)]);
const views = /** @type {[SlideView, SlideView]} */ ([panes[0].view, panes[1].view]);
const link = new Link(views);

/** @typedef {{view: SlideView, layer: MarkLayer, stain: StainView, host: HTMLElement}} Pane */

/** @param {0|1} index @returns {Pane} */
function openPane(index) {
  const host = one(`#pane-${index}`);
  const view = new SlideView(one(".osd", host), one(".navigator", host), data.panes[index].slide, { address: false });
  const overview = new Overview(view);
  installScaleBar(one(".v-scale", host), view);
  installPrefetch(view);
  view.addEventListener("failed", () =>
    toast(`The pictures of ${data.panes[index].slide.label} could not be loaded: reload the page.`, { kind: "bad" }),
  );
  const layer = new MarkLayer(view);
  layer.hidden = true;
  return { view, layer, stain: new StainView(view, overview), host };
}

const picture = new Picture(
  panes.map(({ stain }) => stain),
  {
    me: data.me.id,
    filter: one("#picture-filter"),
    note: one("#view-note"),
    say: (text) => toast(text, { kind: "warn" }),
  },
);
one("#picture-menu .items").append(picture.controls);
installZooms(one("#zooms"), views[0]);
one("#zooms").addEventListener("click", () => link.lead(0), { capture: true });

Promise.all(views.map(({ opened }) => opened)).then(start, () => undefined); // each pane says that it failed

function start() {
  const fields = new URLSearchParams(location.hash.replace(/^#/, ""));
  const second = new URLSearchParams(["x", "y", "z", "r"].map((name) => [name, fields.get(`${name}2`) ?? ""]));
  views[0].restore(readPosition(location.hash));
  views[1].restore(readPosition(`#${second}`));
  link.set(fields.get("link") !== "off");
  link.addEventListener("change", showLink);
  showLink();
  let timer = 0;
  for (const view of views)
    view.osd.addHandler("viewport-change", () => {
      clearTimeout(timer);
      timer = window.setTimeout(remember, ADDRESS_DELAY_MS);
    });
}

function remember() {
  const second = writePosition(views[1].position())
    .slice(1)
    .replaceAll(/([xyzr])=/g, "$12=");
  const hash = `${writePosition(views[0].position())}&${second}${link.on ? "" : "&link=off"}`;
  history.replaceState(history.state, "", hash);
}

function showLink() {
  one("#link-button").setAttribute("aria-pressed", String(link.on));
  for (const [index, { host }] of panes.entries()) host.classList.toggle("leads", index === link.leading);
  remember();
}

const toggleLink = () => link.set(!link.on);
const leader = () => views[link.leading];
one("#link-button").addEventListener("click", toggleLink);
for (const [index, { host }] of panes.entries()) {
  host.addEventListener("pointerdown", () => link.lead(index), { capture: true });
  host.addEventListener("focusin", () => link.lead(index));
  one(".rotate", host).addEventListener("click", () => rotate(index));
  one(".pick", host).addEventListener("click", () => pick(index));
  host.querySelector(".c-analysis")?.addEventListener("change", showAnalyses);
}

/** One slide alone is turned: the link then keeps the new angle. @param {number} index */
function rotate(index) {
  const view = views[index];
  const { x_l0, y_l0 } = view.centre();
  view.place({ x_l0, y_l0, scale: view.scale(), degrees: view.osd.viewport.getRotation(false) + 90 });
  if (link.on) link.hold();
}

/** @param {number} index of the pane that gets another slide */
function pick(index) {
  const { slides, accession } = data.panes[1 - index].case;
  const dialog = /** @type {HTMLDialogElement} */ (one("#pick-dialog"));
  pickSlide(dialog, { api: data.api, accession, slides }, (id) => {
    const ids = data.panes.map((pane) => pane.slide.id);
    ids[index] = id;
    location.assign(`/slides/${ids[0]}/compare/${ids[1]}/`);
  });
}

/** Opens the page anew at the same place, with the analyses that the panes' lists name. */
function showAnalyses() {
  const chosen = new URLSearchParams();
  for (const [index, side] of ["left", "right"].entries()) {
    const list = /** @type {HTMLSelectElement|null} */ (panes[index].host.querySelector(".c-analysis"));
    if (list?.value) chosen.set(side, list.value);
  }
  location.assign(`${location.pathname}?${chosen}${location.hash}`);
}

let askedForMarks = false;
const marksButton = one("#hide-button");
/** The marks of the analysis of each, read only, asked for once. */
function toggleMarks() {
  if (!askedForMarks)
    Promise.all(panes.map(loadMarks)).catch((error) => toast(`The marks could not be loaded: ${error.message}.`, { kind: "bad" }));
  askedForMarks = true;
  for (const { layer, view } of panes) {
    layer.hidden = !layer.hidden;
    view.redraw();
  }
  marksButton.setAttribute("aria-pressed", String(!panes[0].layer.hidden));
}
marksButton.addEventListener("click", toggleMarks);

/** @param {Pane} pane @param {number} index */
async function loadMarks({ layer }, index) {
  const { analysis } = data.panes[index];
  if (!analysis) return;
  const store = new ReviewStore(data.me, false);
  store.apply(await get(`${data.api}analyses/${analysis}/changes/?since=0`));
  layer.setSpots(/** @type {import("../overlays/layer.js").Spot[]} */ (store.spots()));
}

const showKeys = installKeys(
  [
    { keys: ["k"], words: "link the two slides, or move each alone", run: toggleLink },
    { keys: ["x"], words: "the keys move the other slide", run: () => link.lead(1 - link.leading) },
    { keys: ["r"], words: "rotate this slide by 90°", run: () => rotate(link.leading) },
    { keys: ["h"], words: "show or hide the marks", run: toggleMarks },
    { keys: ["n"], words: "normalised stain", run: () => picture.toggleNormalised() },
    {
      keys: ["b"],
      words: "brightness, contrast, gamma",
      run: () => {
        const menu = /** @type {HTMLDetailsElement} */ (one("#picture-menu"));
        menu.open = !menu.open;
        if (menu.open) one("#picture-brightness").focus();
      },
    },
    ...panKeys(leader),
  ],
  /** @type {HTMLDialogElement} */ (one("#keys-dialog")),
);
one("#keys-button").addEventListener("click", showKeys);
