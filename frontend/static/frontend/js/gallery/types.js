/**
 * What the server puts into the gallery's page (`analysis/views/viewer.py`).
 *
 * @typedef {import("../viewer/types.js").ViewerData} ViewerData
 * @typedef {Pick<ViewerData, "slide"|"case"|"analyses"|"analysis"|"regions"|"me"|"may"|"api"> & {viewer_url: string}} GalleryData
 */
export {};
