/** The classes of a GeoJSON's features as QuPath writes them, with how many there are of each. Pure. */

/**
 * As the server names them (`analysis/pipeline/regions.py`): the names of a class, joined.
 * @param {any} content of a file, whatever it holds
 * @returns {Map<string, number>}
 */
export function countClasses(content) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const feature of listFeatures(content)) {
    const name = nameClass(feature.properties?.classification);
    if (name && /Polygon$/.test(feature.geometry?.type ?? "")) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** @param {any} content @returns {any[]} */
function listFeatures(content) {
  if (Array.isArray(content)) return content.flatMap(listFeatures);
  if (content?.type === "FeatureCollection") return listFeatures(content.features ?? []);
  return content?.type === "Feature" ? [content] : [];
}

/** @param {any} classification */
function nameClass(classification) {
  const told = classification?.names ?? classification?.name ?? classification ?? "";
  const names = Array.isArray(told) ? told : typeof told === "string" ? told.split(":") : [];
  return names
    .map((name) => String(name).trim())
    .filter(Boolean)
    .join(": ");
}
