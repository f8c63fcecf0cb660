import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { CropLoader } from "../../frontend/static/frontend/js/gallery/crop_loader.js";
import { listFacts, REST } from "../../frontend/static/frontend/js/gallery/facts.js";
import {
  applyFilter,
  clearFilter,
  isFiltered,
  isTicked,
  readFilter,
  toggleBox,
  usualFilter,
  writeFilter,
} from "../../frontend/static/frontend/js/gallery/filter.js";
import { namePress, planPress, tellPress } from "../../frontend/static/frontend/js/gallery/press.js";
import { Selection } from "../../frontend/static/frontend/js/gallery/selection.js";
import { SORTS, sortFacts } from "../../frontend/static/frontend/js/gallery/sorts.js";
import { listPlaces } from "../../frontend/static/frontend/js/gallery/places.js";
import { layOut, placesToLoad, rowsInSight, scrollTo } from "../../frontend/static/frontend/js/gallery/tile_window.js";
import { ApiError } from "../../frontend/static/frontend/js/lib/api.js";
import { NOTHING, saidOf } from "../../frontend/static/frontend/js/review/said.js";
import { ReviewStore } from "../../frontend/static/frontend/js/review/store.js";
import { changes, detection, ME, OTHER, verdict } from "./makers.js";

/** @typedef {import("../../frontend/static/frontend/js/gallery/facts.js").Facts} Facts */
/** @typedef {import("../../frontend/static/frontend/js/gallery/sorts.js").Sort} Sort */

const SORT_NAMES = SORTS.map(([sort]) => sort);
const PLACES = [{ id: "region1", name: "Region 1", holds: (/** @type {number} */ x) => x <= 250 }];

/**
 * 1 open call · 2 mine mitosis, emil's not · 3 mine not mitosis, crush · 4 below, emil's unsure · 5 mine mitosis below the
 * threshold · F1 emil's figure.
 */
function ward(me = ME, judges = true) {
  const store = new ReviewStore(me, judges);
  const p = [0.9, 0.8, 0.7, 0.2, 0.4];
  store.apply(
    changes({
      detections: p.map((probability, at) => detection({ id: at + 1, probability, mitosis: probability > 0.5 })),
      figures: [{ id: "u", x_l0: 10, y_l0: 10, reader: OTHER, at: "", revision: 1 }],
      verdicts: [
        verdict({ id: "a", detection: 2, reader: ME, label: "mitosis" }),
        verdict({ id: "b", detection: 2, label: "not_mitosis" }),
        verdict({ id: "c", detection: 3, reader: ME, label: "not_mitosis", reason: "crush" }),
        verdict({ id: "d", detection: 4, label: "unsure" }),
        verdict({ id: "e", detection: 5, reader: ME, label: "mitosis" }),
        verdict({ id: "f", figure: "u", label: "mitosis" }),
      ],
    }),
  );
  const hints = new Map([["d2", { subtype: "atypical", phase: "metaphase" }]]);
  return listFacts(store, { places: PLACES, hints });
}

const keys = (/** @type {Facts[]} */ facts) => facts.map(({ item }) => item.key);
const shownBy = (/** @type {string} */ query, all = ward()) => keys(applyFilter(all, readFilter(query, SORT_NAMES)).shown).sort();

test("as usual all is shown but what lies below the threshold and was not judged", () => {
  assert.deepEqual(shownBy(""), ["d1", "d2", "d3", "d5", "fu"]);
  assert.deepEqual(shownBy("?verdict=all"), ["d1", "d2", "d3", "d4", "d5", "fu"]);
  assert.deepEqual(shownBy("?verdict=none"), []);
});

test("each question lets through what it asks for, and questions of two groups both hold", () => {
  assert.deepEqual(shownBy("?verdict=open"), ["d1", "fu"]);
  assert.deepEqual(shownBy("?readers=differ"), ["d2"]);
  assert.deepEqual(shownBy("?readers=model"), ["d3", "d5"]);
  assert.deepEqual(shownBy("?readers=by_hand,differ"), ["d2", "fu"]);
  assert.deepEqual(shownBy("?reason=crush"), ["d3"]);
  assert.deepEqual(shownBy("?where=region1"), ["d1", "d2", "fu"]);
  assert.deepEqual(shownBy("?where=rest&verdict=mitosis"), ["d5"]);
  assert.deepEqual(shownBy("?subtype=atypical"), ["d2"]);
  assert.deepEqual(shownBy("?p=0.75-1&verdict=all"), ["d1", "d2"]); // a figure has no probability
});

test("a crop lies in a region where the count has it: in any part of a tumour, in none of its holes, in a field itself", () => {
  const box = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ side) =>
    /** @type {[number, number][]} */ ([
      [x, y],
      [x + side, y],
      [x + side, y + side],
      [x, y + side],
    ]);
  const count = (/** @type {object} */ more) =>
    /** @type {import("../../frontend/static/frontend/js/review/count.js").Count} */ (
      /** @type {unknown} */ ({
        regions: [],
        looked_in: { where: "tissue" },
        protocol: { field_um: 100 },
        mpp_x: 0.5,
        mpp_y: 1,
        ...more,
      })
    );
  const within = (
    /** @type {import("../../frontend/static/frontend/js/gallery/places.js").Place[]} */ places,
    /** @type {number} */ x,
  ) => places.filter(({ holds }) => holds(x, 50)).map(({ name }) => name);

  const further_rings = [box(40, 40, 20), box(200, 0, 100)];
  const tumour = { region: { kind: "whole", polygon: box(0, 0, 100), further_rings }, looked_in: { where: "tumour" } };
  const parts = listPlaces(count(tumour), [{ id: "u", name: "Front", polygon: box(0, 30, 30) }]);
  assert.deepEqual(
    [20, 50, 250, 150].map((x) => within(parts, x)),
    [["Drawn tumour", "Front"], [], ["Drawn tumour"], []],
  );

  const fields = {
    rank: 1,
    polygon: box(-100, 0, 700),
    fields_l0: [
      [0, 50],
      [500, 50],
    ],
  }; // 100 px to each side, 50 down
  const laid = listPlaces(count({ regions: [fields, { ...fields, rank: 2, fields_l0: [[300, 50]] }] }), []);
  assert.deepEqual(
    [90, 150, 300].map((x) => within(laid, x)),
    [["Region 1"], [], ["Region 2"]],
  );

  const region = { kind: "whole", polygon: null, further_rings: [] };
  assert.deepEqual([listPlaces(count({ region }), []), listPlaces(null, [])], [[], []]);
});

test("one who only looks on sees what the readers gave, both where they differ", () => {
  const all = ward({ ...ME, id: 7 }, false);
  assert.deepEqual(shownBy("?verdict=not_mitosis", all), ["d2", "d3"]);
  assert.deepEqual(shownBy("?verdict=mitosis", all), ["d2", "d5", "fu"]);
  assert.deepEqual(shownBy("?verdict=unsure", all), ["d4"]);
});

test("each box says how many it would show beside the other groups", () => {
  const { counts } = applyFilter(ward(), readFilter("?where=region1", SORT_NAMES));
  assert.deepEqual(Object.fromEntries(counts.verdict), { open: 2, mitosis: 1 });
  assert.deepEqual(Object.fromEntries(counts.where), { region1: 3, [REST]: 2 });
  assert.deepEqual(Object.fromEntries(counts.readers), { differ: 1, by_hand: 1 });
  const below = applyFilter(ward(), usualFilter());
  assert.equal(below.counts.verdict.get("below"), 1);
});

test("a filter goes into the address and comes back the same; what means nothing there is as usual", () => {
  for (const query of ["", "verdict=open", "verdict=all&readers=differ,model", "p=0.5-0.95&sort=nearest&size=l", "where=none"]) {
    const filter = readFilter(`?${query}`, SORT_NAMES);
    assert.equal(`${readFilterBack(filter)}`, `${writeFilter(filter)}`, query);
    assert.equal(decodeURIComponent(`${writeFilter(filter)}`), query);
  }
  assert.equal(`${writeFilter(readFilter("?p=2-0&sort=ugly&size=xl&verdict=", SORT_NAMES))}`, "");
});

/** @param {import("../../frontend/static/frontend/js/gallery/filter.js").Filter} filter */
const readFilterBack = (filter) => writeFilter(readFilter(`?${writeFilter(filter)}`, SORT_NAMES));

test("a box that takes away and one that asks for its own alone, up to all and back", () => {
  const names = ["region1", REST];
  let filter = toggleBox(usualFilter(), "where", REST, names);
  assert.deepEqual([isTicked(filter, "where", "region1"), isTicked(filter, "where", REST)], [true, false]);
  assert.ok(isFiltered(filter));
  filter = toggleBox(filter, "where", REST, names);
  assert.equal(filter.where, null);
  filter = toggleBox(filter, "reason", "crush", []);
  assert.deepEqual([...(filter.reason ?? [])], ["crush"]);
  filter = toggleBox({ ...filter, sort: "place" }, "reason", "crush", []);
  assert.equal(filter.reason, null);
  assert.deepEqual([isFiltered(filter), clearFilter(filter).sort], [false, "place"]);
});

test("each order puts first what it is named for, by probability where that says nothing", () => {
  const by = { threshold: 0.62, reasons: ["crush"], places: ["region1", REST] };
  const sorted = (/** @type {Sort} */ sort) => keys(sortFacts(ward(), sort, by)).join(" ");
  assert.equal(sorted("surest"), "d1 d2 d3 d5 d4 fu");
  assert.equal(sorted("least"), "d4 d5 d3 d2 d1 fu");
  assert.equal(sorted("nearest"), "d3 d2 d5 d1 d4 fu");
  assert.equal(sorted("verdict"), "d1 fu d2 d5 d3 d4");
  assert.equal(sorted("differ"), "d2 d3 d5 d1 d4 fu");
  assert.equal(sorted("reason"), "d3 d1 d2 d5 d4 fu");
  assert.equal(sorted("where"), "d1 d2 fu d3 d5 d4");
  assert.equal(sorted("subtype"), "d2 d1 d3 d5 d4 fu");
  assert.equal(sorted("place"), "fu d1 d2 d3 d4 d5");
});

/** Ten tiles, three chosen by range, the keys at the last of them. */
function chosen() {
  const selection = new Selection();
  selection.setOrder("abcdefghij".split(""));
  selection.goTo(2);
  selection.move(1, { extend: true });
  selection.move(1, { extend: true });
  return selection;
}

test("a range grows and shrinks from where it began, on top of what was chosen before", () => {
  const selection = chosen();
  assert.equal(selection.keys.join(""), "cde");
  selection.move(-1, { extend: true });
  assert.equal(selection.keys.join(""), "cd");
  selection.press("h"); // a click chooses one more
  selection.press("j", { extend: true });
  assert.equal(selection.keys.join(""), "cdhij");
  selection.press("i");
  assert.equal(selection.keys.join(""), "cdhj");
  selection.move(-1);
  assert.equal(selection.keys.join(""), "cdhj"); // arrows alone choose nothing
  selection.goTo(0, { extend: true });
  assert.equal(selection.keys.join(""), "abcdefghj");
});

test("without a choice the keys work on their tile; all and none are chosen at once", () => {
  const selection = chosen();
  selection.clear();
  assert.deepEqual(selection.keys, ["e"]);
  selection.chooseAll();
  assert.equal(selection.keys.length, 10);
  selection.toggle();
  assert.equal(selection.keys.join(""), "abcdfghij");
});

test("what leaves the grid is chosen no more, and the keys go on at the next that is left", () => {
  const selection = chosen();
  selection.setOrder("abfghij".split(""));
  assert.deepEqual([selection.keys.join(""), selection.current], ["f", "f"]);
  selection.goTo(6);
  selection.setOrder(["b", "a"]);
  assert.equal(selection.current, "b"); // the nearest before it
  selection.setOrder([], { waits: true });
  assert.equal(selection.current, "b");
  selection.setOrder([]);
  assert.deepEqual([selection.current, selection.keys], [null, []]);
});

test("rows in sight are drawn and no others, and pictures are asked for in the scroll's direction", () => {
  const layout = layOut(1000, 5003, 116);
  assert.deepEqual([layout.columns, layout.rows], [8, 626]);
  assert.equal(layout.side * 8 + 7 * 8, 1000);
  assert.deepEqual(rowsInSight(layout, 0, 700, 1), [0, 6]);
  const [first, end] = rowsInSight(layout, 100 * layout.rowHeight, 700, 0);
  assert.deepEqual([first, end], [100, 105]);
  const down = placesToLoad(layout, 5003, 100 * layout.rowHeight, 700, 1);
  assert.deepEqual([down[0], down.at(-1), down.length], [800, 879, 80]);
  const up = placesToLoad(layout, 5003, 100 * layout.rowHeight, 700, -1);
  assert.deepEqual([up[0], up[40]], [800, 792]); // the nearest row above first
  assert.equal(placesToLoad(layout, 5003, layout.height - 700, 700, 1).at(-1), 5002);
  assert.deepEqual(rowsInSight(layOut(300, 0, 116), 0, 700, 1), [0, 0]);
});

test("a row comes into sight with as little scrolling as it takes", () => {
  const layout = layOut(1000, 800, 116);
  assert.equal(scrollTo(layout, 3, 0, 700), 0);
  assert.equal(scrollTo(layout, 50, 0, 700), 50 * layout.rowHeight + layout.tile - 700);
  assert.equal(scrollTo(layout, 2, 5000, 700), 2 * layout.rowHeight);
});

test("before a press stands what it will do", () => {
  const changes = [{ before: NOTHING }, { before: NOTHING }, { before: saidOf({ label: "unsure" }) }];
  assert.equal(namePress(4, { label: "mitosis" }), "4 → mitosis");
  assert.equal(namePress(4, { label: "not_mitosis", reason: "crush" }), "4 → not mitosis, crush");
  assert.equal(namePress(4, { label: "mitosis", phase: "ring", atypical: true }), "4 → mitosis, ring, atypical");
  assert.equal(tellPress(planPress(4, changes)), "1 already judged by you will change, 1 already so");
  assert.equal(tellPress(planPress(2, changes.slice(0, 2))), "none judged by you before");
  assert.equal(tellPress(planPress(1, [])), "already so, nothing changes");
  assert.equal(tellPress(planPress(0, [])), "nothing here to judge");
});

/** A loader whose pictures come when the test says so. */
function loading() {
  /** @type {Map<string, {resolve: (picture: object) => void, reject: (error: object) => void, signal: AbortSignal}>} */
  const asked = new Map();
  const loader = new CropLoader(
    (url, signal) =>
      new Promise((resolve, reject) => {
        asked.set(url, { resolve, reject, signal });
        signal.addEventListener("abort", () => reject(new Error("aborted")));
      }),
  );
  return { loader, asked };
}

const settle = () => new Promise(setImmediate);

test("pictures load in the order they are wanted, few at a time, and what scrolled away is given up", async () => {
  const { loader, asked } = loading();
  loader.want(["a", "b", "c", "d", "e"]);
  assert.deepEqual([...asked.keys()], ["a", "b", "c", "d"]);
  asked.get("a")?.resolve({});
  await settle();
  assert.equal(loader.find("a")?.state, "ready");
  assert.ok(asked.has("e"));
  loader.want(["e", "x", "y"]);
  await settle();
  assert.equal(asked.get("b")?.signal.aborted, true);
  assert.equal(asked.get("e")?.signal.aborted, false);
  assert.ok(asked.has("x") && asked.has("y"));
  assert.equal(loader.find("b"), undefined);
});

test("a picture that fails in passing is tried again, later each time; then it says so until it is asked for anew", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { loader, asked } = loading();
  loader.want(["a"]);
  for (const pause of [1000, 2000, 4000]) {
    asked.get("a")?.reject(new ApiError(503, "Busy"));
    asked.delete("a");
    await settle();
    mock.timers.tick(pause - 1);
    assert.equal(asked.has("a"), false);
    mock.timers.tick(1);
    assert.equal(asked.has("a"), true);
  }
  asked.get("a")?.reject(new ApiError(503, "Busy"));
  await settle();
  assert.equal(loader.find("a")?.state, "failed");
  asked.delete("a");
  loader.tryAgain();
  assert.equal(asked.has("a"), true);
  asked.get("a")?.reject(new ApiError(404, "This part of the slide cannot be read."));
  await settle();
  assert.equal(loader.find("a")?.state, "failed");
  mock.timers.reset();
});
