/** The saved sign: "Saved 14:32:07" only after the server's answer. Loud only when something is not saved. */

import { el, icon } from "../lib/dom.js";
import { clock } from "../lib/format.js";
import { lasts } from "../lib/storage.js";
import { countSaid } from "./entries.js";

/**
 * @param {HTMLElement} host
 * @param {HTMLElement} alarm assertive live region
 * @param {import("./outbox.js").Outbox} outbox
 * @param {() => void} openRefused
 */
export function installSavedSign(host, alarm, outbox, openRefused) {
  let alarmed = "";
  const show = (/** @type {string} */ css, /** @type {string} */ name, /** @type {(Node|string)[]} */ words) => {
    host.className = `saved ${css}`;
    host.replaceChildren(icon(name), ...words);
  };
  const update = () => {
    const waiting = countSaid(outbox.waiting);
    const { refused } = outbox;
    const refusedCount = countSaid(refused);
    let warning = "";
    if (waiting && outbox.failing) {
      const why = outbox.signedOut ? "signed out" : "trying again";
      warning = `${waiting} not saved, ${why}`;
      show("late", "cloud-off", [warning]);
      host.title = lasts
        ? "Kept in this browser until the server answers; the keys go on working"
        : "This browser keeps nothing: leave the page open";
      if (outbox.signedOut)
        host.append(
          el("a", {
            href: `/accounts/login/?next=${encodeURIComponent(location.pathname + location.search)}`,
            class: "link",
            text: "Sign in",
          }),
        );
    } else if (waiting) show("", "loader", [`Saving ${waiting}`]);
    else if (refused.length) {
      warning = `${refusedCount} refused: ${refused[0].refused}`;
      show("refused", "circle-alert", [el("button", { type: "button", text: `${refusedCount} refused`, onclick: openRefused })]);
    } else if (outbox.savedAt) show("ok", "check", [`Saved ${clock(outbox.savedAt)}`]);
    else show("", "check", ["All saved"]);
    if (warning !== alarmed) alarm.textContent = warning;
    alarmed = warning;
  };
  outbox.addEventListener("change", update);
  update();
}
