import assert from "node:assert/strict";
import { test } from "node:test";
import { namesOf, shortcutOf } from "../../frontend/static/frontend/js/lib/keyboard.js";

/** @param {string} key @param {string} code @param {Partial<import("../../frontend/static/frontend/js/lib/keyboard.js").Press> & {altGraph?: boolean}} [held] */
const press = (key, code, { altGraph = false, ...held } = {}) =>
  namesOf({
    key,
    code,
    shiftKey: false,
    altKey: false,
    ctrlKey: false,
    metaKey: false,
    getModifierState: (name) => name === "AltGraph" && altGraph,
    ...held,
  });

/** What the ten keys of the digit row write, from 1 to 0. */
const DIGIT_ROWS = {
  QWERTY: "1234567890",
  AZERTY: "&é\"'(-è_çà",
  Czech: "+ěščřžýáíé",
  Bépo: '"«»()@+-/*',
  "programmer's Dvorak": "[{}(=*)+]!",
  Thai: "ๅ/-ภถุึคตจ",
  Arabic: "١٢٣٤٥٦٧٨٩٠",
};

for (const [layout, row] of Object.entries(DIGIT_ROWS)) {
  test(`the digit row gives verdicts and reasons on ${layout}`, () => {
    const digits = [...row].map((key, index) => press(key, `Digit${(index + 1) % 10}`)[0]);
    assert.deepEqual(digits, [..."1234567890"]);
  });
}

test("digits also come with Shift on AZERTY and from the number pad", () => {
  assert.equal(press("1", "Digit1", { shiftKey: true })[0], "1");
  assert.equal(press("1", "Numpad1")[0], "1");
  assert.deepEqual(press("End", "Numpad1"), ["End"]);
  assert.equal(press("1", "")[0], "1");
});

/** Layout, what is written, where it lies, and what it means. @type {[string, string, string, string][]} */
const LETTERS = [
  ["AZERTY", "z", "KeyW", "z"],
  ["AZERTY", "a", "KeyQ", "a"],
  ["AZERTY", "m", "Semicolon", "m"],
  ["QWERTZ", "z", "KeyY", "z"],
  ["Dvorak", "g", "KeyU", "g"],
  ["Dvorak", "z", "Slash", "z"],
  ["Russian", "я", "KeyZ", "z"],
  ["Russian", "п", "KeyG", "g"],
  ["Greek", "ζ", "KeyZ", "z"],
  ["Hebrew", "ש", "KeyA", "a"],
  ["a Chinese input method", "Process", "KeyC", "c"],
  ["QWERTY with caps lock", "Z", "KeyZ", "z"],
];

for (const [layout, key, code, name] of LETTERS) {
  test(`"${key}" means ${name} on ${layout}, with Shift too`, () => {
    assert.ok(press(key, code).includes(name));
    assert.ok(press(key.toUpperCase() === "PROCESS" ? key : key.toUpperCase(), code, { shiftKey: true }).includes(`Shift ${name}`));
  });
}

test("a letter or sign that is printed on a key is never taken for the one that lies there in English", () => {
  assert.ok(!press(";", "KeyZ").includes("z")); // Dvorak
  assert.ok(!press("q", "KeyA").includes("a")); // AZERTY
  assert.ok(!press("ø", "KeyZ").includes("z"));
});

test("signs come from wherever a layout has them", () => {
  assert.equal(press("[", "Digit5", { altGraph: true })[0], "["); // AZERTY, AltGr
  assert.equal(press("[", "Digit8", { altKey: true, ctrlKey: true, altGraph: true })[0], "["); // QWERTZ on Windows
  assert.equal(press("]", "Digit6", { altKey: true })[0], "]"); // QWERTZ on a Mac
  assert.equal(press("[", "Minus")[0], "["); // Dvorak
  assert.ok(press("х", "BracketLeft").includes("[")); // Russian
  assert.ok(press("Dead", "BracketLeft").includes("[")); // AZERTY
  assert.ok(press(")", "Minus").includes("-")); // AZERTY, whose "-" is the key of 6
  assert.equal(press("+", "BracketRight")[0], "+"); // QWERTZ
  assert.equal(press("=", "Digit0", { shiftKey: true })[0], "="); // QWERTZ
  assert.equal(press("?", "Minus", { shiftKey: true })[0], "?"); // QWERTZ
  assert.equal(press("?", "Digit7", { shiftKey: true })[0], "?"); // Russian
  assert.ok(press("؟", "Slash", { shiftKey: true }).includes("?")); // Arabic
});

test("what the browser or the system means by a press is left to it", () => {
  assert.deepEqual(press("z", "KeyZ", { ctrlKey: true }), []);
  assert.deepEqual(press("1", "Digit1", { ctrlKey: true }), []);
  assert.deepEqual(press("&", "Digit1", { metaKey: true }), []);
  assert.deepEqual(press("ArrowLeft", "ArrowLeft", { altKey: true }), []);
  assert.deepEqual(press("²", "Digit2", { altGraph: true }), []);
  assert.deepEqual(press("ż", "KeyZ", { altGraph: true }), []);
});

test("Shift tells Space, letters and arrows apart, and an arrow with Shift is an arrow still", () => {
  assert.deepEqual(press(" ", "Space"), ["Space"]);
  assert.deepEqual(press(" ", "Space", { shiftKey: true }), ["Shift Space"]);
  assert.deepEqual(press("ArrowUp", "ArrowUp", { shiftKey: true }), ["Shift ArrowUp", "ArrowUp"]);
  assert.deepEqual(press("!", "Digit1", { shiftKey: true }), ["!"]);
});

test("Ctrl or Command with a letter is a name of its own, and with anything more it is the browser's", () => {
  const held = {
    key: "a",
    code: "KeyA",
    shiftKey: false,
    altKey: false,
    ctrlKey: false,
    metaKey: false,
    getModifierState: () => false,
  };
  assert.equal(shortcutOf({ ...held, ctrlKey: true }), "Ctrl a");
  assert.equal(shortcutOf({ ...held, metaKey: true, key: "A" }), "Ctrl a");
  for (const more of [{}, { ctrlKey: true, shiftKey: true }, { ctrlKey: true, altKey: true }, { ctrlKey: true, key: "Enter" }])
    assert.equal(shortcutOf({ ...held, ...more }), "");
});
