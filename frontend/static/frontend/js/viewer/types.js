/**
 * What the server puts into the viewer's pages (`analysis/views/viewer.py`).
 *
 * @typedef {import("./slide_view.js").Slide & import("./pixel_size.js").Slide & {state: string, reason: string, hints: string[]}} Slide
 * @typedef {{id: string, label: string, state: string, url: string, thumbnail_url: string}} CaseSlide
 * @typedef {{id: string, accession: string, tumour: string, url: string, slides: CaseSlide[]}} Case
 * @typedef {import("../review/types.js").Analysis["state"]} AnalysisState
 * @typedef {{id: string, state: AnalysisState, message: string, created: string, model: string, imported: boolean, mode: string, normaliser: string,
 *   region: string|null, detections: number}} AnalysisRow
 * @typedef {{id: string, name: string, threshold: number, active: boolean}} ModelRow
 * @typedef {{judge: boolean, comment: boolean, analyse: boolean, export: boolean, region: boolean, protocol: boolean, explain: boolean, calibrate: boolean}} Rights
 * @typedef {{title: string, facts: import("./drawer.js").Fact[]}} Section
 *
 * @typedef {{slide: Slide, case: Case, analyses: AnalysisRow[], analysis: string|null, regions: import("./regions.js").Region[],
 *   areas: import("./areas.js").Area[],
 *   facts: {sections: Section[]}, me: import("../review/types.js").Reader, reads: boolean, may: Rights, models: ModelRow[], estimate: string,
 *   modes: {value: string, label: string}[], normalisers: string[], api: string}} ViewerData
 * @typedef {{slide: Slide, case: Case, analyses: AnalysisRow[], analysis: string|null}} PaneData
 * @typedef {{panes: [PaneData, PaneData], me: import("../review/types.js").Reader, api: string}} CompareData
 */
export {};
