/**
 * What a press means on any keyboard layout. Digits go by their place, since AZERTY writes "&" where others have the 1. Letters
 * and signs go by what is printed on the key, so that `z` is where the person sees a z; by their place only where the layout
 * writes no Latin letter there.
 */

/** @typedef {Pick<KeyboardEvent, "key"|"code"|"shiftKey"|"altKey"|"ctrlKey"|"metaKey"|"getModifierState">} Press */

/** Signs by their place on an English keyboard. @type {Record<string, string>} */
const SIGNS = { Minus: "-", Equal: "=", BracketLeft: "[", BracketRight: "]", Slash: "/" };
const SIGN = /^[^\p{L}\p{N}\s]$/u;
const LATIN = /^[\p{Script=Latin}\x21-\x7e]$/u;

/**
 * The names that a press may go by, the likeliest first: "z", "Shift z", "1", "Space", "ArrowUp". Empty for a shortcut of the
 * browser or the system.
 * @param {Press} press
 * @returns {string[]}
 */
export function namesOf(press) {
  const { key, code, shiftKey } = press;
  const thirdLevel = press.altKey || press.getModifierState("AltGraph"); // AltGr, or Alt on a Mac: "[" on many keyboards
  if (press.metaKey || (press.ctrlKey && !thirdLevel)) return [];
  if (thirdLevel) return SIGN.test(key) ? [key] : [];
  const digit = shiftKey ? undefined : /^Digit(\d)$/.exec(code)?.[1];
  return [...(digit ? [digit] : []), ...printed(key, shiftKey), ...placed(press)];
}

/** "Ctrl a" for a letter with Ctrl, or with Command on a Mac; empty for what else is held. @param {Press} press */
export function shortcutOf({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  return (ctrlKey || metaKey) && !altKey && !shiftKey && key.length === 1 ? `Ctrl ${key.toLowerCase()}` : "";
}

/** @param {string} key @param {boolean} shiftKey */
function printed(key, shiftKey) {
  const name = key === " " ? "Space" : key.length === 1 ? key.toLowerCase() : key;
  if (!shiftKey || SIGN.test(name)) return [name];
  // Shift tells letters and Space apart; an arrow with Shift is still an arrow where no key of its own is meant.
  return name.length > 1 && name !== "Space" ? [`Shift ${name}`, name] : [/\p{N}/u.test(name) ? name : `Shift ${name}`];
}

/** @param {Press} press */
function placed({ key, code, shiftKey }) {
  const letter = LATIN.test(key) ? undefined : /^Key([A-Z])$/.exec(code)?.[1].toLowerCase();
  if (letter) return [shiftKey ? `Shift ${letter}` : letter];
  if (shiftKey) return code === "Slash" ? ["?"] : [];
  return SIGNS[code] ? [SIGNS[code]] : [];
}
