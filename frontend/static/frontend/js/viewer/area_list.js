/** The drawer's list of tumour areas: how large, who drew it and when, with what may be done. */

import { el, icon } from "../lib/dom.js";
import { drawnArea } from "../lib/format.js";
import { toast } from "../lib/toast.js";

/**
 * @typedef {import("./areas.js").Area} Area
 * @typedef {{draw: () => void, import: () => void, edit: (area: Area) => void}|null} Drawing null: this person sees areas and draws none
 * @typedef {EventTarget & {count: {looked_in: {where: string}}|null}} Counted tells by "change" where a protocol looks
 */

/** Where a protocol looks while no tumour is drawn, by what is known of the slide. @type {Record<string, string>} */
const UNDRAWN = {
  tissue: "Not drawn: a protocol looks in all of the tissue that was analysed.",
  slide: "Not drawn: a protocol looks in all that was analysed, as no tissue was told apart there.",
};
const UNKNOWN = "Not drawn: a protocol will look in all of the tissue.";

const moment = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** @param {import("./areas.js").Areas} areas @param {Drawing} drawing @param {Counted|null} counted null: nothing is counted yet */
export function areaList(areas, drawing, counted) {
  const host = el("div", { class: "d-areas" });
  const show = () => {
    host.replaceChildren(...(areas.all.length ? areas.all.map((area) => row(areas, area, drawing)) : [empty(counted)]));
    if (drawing)
      host.append(
        el(
          "div",
          { class: "d-acts" },
          el("button", { type: "button", class: "btn small", onclick: () => drawing.draw() }, icon("lasso"), "Draw the tumour"),
          el("button", { type: "button", class: "btn small", onclick: () => drawing.import() }, icon("upload"), "Import areas…"),
        ),
      );
  };
  areas.addEventListener("change", show);
  counted?.addEventListener("change", () => areas.all.length || show());
  show();
  return host;
}

/** @param {Counted|null} counted */
const empty = (counted) => el("p", { text: UNDRAWN[counted?.count?.looked_in.where ?? ""] ?? UNKNOWN });

/** @param {import("./areas.js").Areas} areas @param {Area} area @param {Drawing} drawing */
function row(areas, area, drawing) {
  const button = (/** @type {string} */ image, /** @type {string} */ word, /** @type {() => void} */ run) =>
    el(
      "button",
      { type: "button", class: "btn ghost small icon-only", "aria-label": `${word} ${area.name}`, "data-tip": word, onclick: run },
      icon(image),
    );
  return el(
    "div",
    { class: "d-area" },
    el(
      "div",
      {},
      el("b", { text: area.name }),
      el("span", { class: "num", text: drawnArea(area.area_mm2) }),
      el("small", { text: hands(area) }),
    ),
    drawing && button("pencil", "Edit", () => drawing.edit(area)),
    drawing && button("trash-2", "Remove", () => withdraw(areas, area)),
  );
}

/** @param {Area} area */
function hands({ imported, created_by, created, changed_by, changed }) {
  const drawn = `${imported ? "imported" : "drawn"} by ${created_by ?? "somebody"}, ${moment.format(new Date(created))}`;
  return changed ? `${drawn}; changed by ${changed_by ?? "somebody"}, ${moment.format(new Date(changed))}` : drawn;
}

/** @param {import("./areas.js").Areas} areas @param {Area} area */
async function withdraw(areas, area) {
  try {
    await areas.withdraw(area);
    toast(`${area.name} removed.`, { action: { label: "Undo", run: () => restore(areas, area) } });
  } catch (error) {
    toast(`${area.name} was not removed: ${/** @type {Error} */ (error).message}`, { kind: "bad" });
    await areas.refresh();
  }
}

/** @param {import("./areas.js").Areas} areas @param {Area} area */
async function restore(areas, area) {
  try {
    await areas.restore(area);
  } catch (error) {
    toast(`${area.name} was not brought back: ${/** @type {Error} */ (error).message}`, { kind: "bad" });
  }
}
