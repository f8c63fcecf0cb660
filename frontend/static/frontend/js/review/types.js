/**
 * The shapes of the data that the review modules share.
 *
 * @typedef {{id: number|string, username: string, initials: string}} Reader
 * @typedef {"mitosis"|"not_mitosis"|"unsure"|"withdrawn"} Label
 * @typedef {{id: string, revision: number, detection: number|null, figure: string|null, reader: Reader, label: Label, reason: string, comment: string, at: string, phase: Phase, atypical: boolean, purpose: Purpose}} Verdict
 * @typedef {{id: string, revision: number, detection: number|null, figure: string|null, author: Reader, text: string, reply_to: string|null, withdraws: string|null, withdrawn: boolean, at: string}} Comment
 * @typedef {""|"prometaphase"|"metaphase"|"ring"|"anaphase"|"telophase"} Phase
 * @typedef {"validate"|"correct"} Purpose
 * @typedef {"walk"|"audit"} LookKind
 * @typedef {{id: string, revision: number, reader: Reader, kind: LookKind, sample: string|null, x_l0: number, y_l0: number, radius_um: number, at: string}} Look a field that somebody looked at
 * @typedef {{label: Label, reason: string, comment: string, phase: Phase, atypical: boolean, purpose: Purpose}} Said
 * @typedef {{id: number, number: number, x_l0: number, y_l0: number, probability: number, mitosis: boolean, explained: boolean, revision: number}} Detection
 * @typedef {{id: string, x_l0: number, y_l0: number, reader: Reader, at: string, revision: number}} Figure
 * @typedef {{id: string, state: "queued"|"running"|"done"|"failed"|"cancelled", message: string, done: number, total: number, step: Step|null, follow_up: FollowUp, device: string, eta_s: number|null, candidates: number, detections: number, threshold: number, floor: number, model: {id: string|null, name: string}, imported: Imported|null, withdrawn: string|null, created: string, created_by: Reader|null, mode: string, normaliser: string, area_mm2: number|null, mpp_x: number, mpp_y: number, mpp_source: string, region: object|null, job?: string|null, validity: Validity|null}} Analysis
 * @typedef {{detector: string, version: string, format: string, file_sha256: string, has_probabilities: boolean, notes: string[]}} Imported
 * @typedef {{name: string, done: number, total: number, eta_s: number|null}} Step what a job does now
 * @typedef {{state: "none"|"queued"|"running"|"done"|"failed"|"cancelled", message: string, step: Step|null, job: string|null}} FollowUp slide check and explanations
 * @typedef {{grade: "ok"|"caution"|"not valid", reasons: string[], measures: Record<string, number|null>}} Validity
 * @typedef {{revision: number, more?: boolean, analysis: Analysis, detections: Detection[], verdicts: Verdict[], figures: Figure[], comments?: Comment[], looks?: Look[]}} Changes
 *
 * @typedef {{subtype: Record<string, number>, phase: Record<string, number>, balanced_accuracy: {subtype: number, phase: number}, heads: string}} SubtypeHint
 *
 * An item is what a reader judges: a detection ("d12") or an added figure ("f<uuid>").
 * @typedef {{key: string, kind: "detection"|"figure", id: number|string, number: number, name: string, x_l0: number, y_l0: number, probability: number|null, mitosis: boolean, explained: boolean, waiting?: boolean}} Item
 *
 * What waits in this browser for the server's answer.
 * @typedef {{id: string, detection?: number|null, figure?: string, label: Label, reason: string, comment: string, phase?: Phase, atypical?: boolean, purpose?: Purpose}} VerdictBody
 * @typedef {{id: string, x_l0: number, y_l0: number, purpose?: Purpose}} FigureBody
 * @typedef {{id: string, detection?: number|null, figure?: string, text?: string, reply_to?: string|null, withdraws?: string}} CommentBody
 * @typedef {{id: string, x_l0: number, y_l0: number, radius_um: number, kind: LookKind, sample: string|null}} LookBody
 * @typedef {{kind: "verdict", body: VerdictBody} | {kind: "verdicts", body: {verdicts: VerdictBody[]}} | {kind: "figure", body: FigureBody} | {kind: "comment", body: CommentBody} | {kind: "look", body: LookBody}} SentKind
 * @typedef {{id: string, analysis: string, key: string} & SentKind} Sent "verdicts" are kept all or none
 * @typedef {Sent & {seq: number, refused: string|null}} Entry
 * @typedef {{verdict?: Verdict, verdicts?: Verdict[], figure?: Figure, comment?: Comment, look?: Look}} Answer the server's to an entry
 */
export {};
