import assert from "node:assert/strict";
import { test } from "node:test";
import { countClasses } from "../../frontend/static/frontend/js/viewer/area_classes.js";

const feature = (/** @type {unknown} */ classification, type = "Polygon") => ({
  type: "Feature",
  geometry: { type },
  properties: { classification },
});

test("classes of a file are told as QuPath writes them, with how many areas each has", () => {
  const features = [
    feature({ name: "Tumor" }),
    feature({ names: ["Tumor", "Positive"] }, "MultiPolygon"),
    feature("Tumor: Positive"),
    feature({ name: "Mitosis" }, "Point"),
    feature(null),
    { type: "Polygon" },
  ];
  const told = [
    ["Tumor", 1],
    ["Tumor: Positive", 2],
  ];
  for (const content of [features, { type: "FeatureCollection", features }, [{ type: "FeatureCollection", features }]])
    assert.deepEqual([...countClasses(content)], told);
});

test("what is no GeoJSON has no classes, and nothing breaks", () => {
  for (const content of [null, 3, "text", {}, [null], { type: "FeatureCollection" }, { type: "Feature" }])
    assert.equal(countClasses(content).size, 0);
  assert.equal(countClasses([feature(3), feature([3])]).size, 1);
});
