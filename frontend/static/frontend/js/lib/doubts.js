/** What is asked about a slide before it is analysed, and the answers to it. */

import { post } from "./api.js";

/** @typedef {{code: string, text: string, answer: string}} Doubt answer: in words, "" while it is asked */

/** @param {Doubt} doubt */
export const isOpen = (doubt) => !doubt.answer;

/** Another pixel size answers it too. @param {Doubt} doubt */
export const isOfSize = (doubt) => doubt.code.startsWith("pixel_size");

/** Use the slide as its file says, or take the answers back. @param {string} slide @param {"as_told"|"ask_again"} answer */
export const answerDoubts = (slide, answer) => post(`/api/slides/${slide}/doubts/`, { answer });
