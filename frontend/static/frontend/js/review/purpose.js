/** What a reader's verdicts on a slide are given for: remembered in this browser, for every page that judges. */

import { choice, choose } from "../lib/storage.js";

/** @typedef {import("./types.js").Purpose} Purpose */

/** @param {string|number} me @param {string} slide */
const nameOf = (me, slide) => `purpose.${me}.${slide}`;

/** @param {string|number} me @param {string} slide @returns {Purpose} */
export const readPurpose = (me, slide) => (choice(nameOf(me, slide), "validate") === "correct" ? "correct" : "validate");

/** @param {string|number} me @param {string} slide @param {Purpose} purpose */
export const keepPurpose = (me, slide, purpose) => choose(nameOf(me, slide), purpose);
