/** The gallery page: the crops of one analysis. What each part does stands in `gallery/`. */

import { installDialogs, installMenus } from "../lib/behaviours.js";
import { one, pageData } from "../lib/dom.js";
import { installFolding } from "../lib/fold.js";
import { rememberPerson } from "../lib/person.js";
import { installToasts } from "../lib/toast.js";
import { installTooltips } from "../lib/tooltip.js";
import { Gallery } from "../gallery/gallery.js";
import { sendLeftovers } from "../review/leftovers.js";
import { installKeys } from "../viewer/keys.js";

const data = /** @type {import("../gallery/types.js").GalleryData} */ (pageData("gallery-data"));

rememberPerson();
const { analysis } = data;
const back = { keys: ["Shift g"], words: "back to the slide", run: () => location.assign(data.viewer_url) };
// Before the menus: Escape closes an open one, and only without one chooses none.
const showKeys = installKeys(analysis ? new Gallery({ ...data, analysis }).keys : [back], one("#keys-dialog"));
one("#keys-button").addEventListener("click", showKeys);
if (!analysis) sendLeftovers();
installMenus();
installDialogs();
installToasts();
installTooltips();
installFolding(one(".v-top"));

// Beside the crops the filter is always open; above them, in a narrow window, it opens when it is wanted.
const side = document.querySelector(".g-side details");
const isNarrow = matchMedia("(max-width: 999px)");
const openSide = () => side?.toggleAttribute("open", !isNarrow.matches);
isNarrow.addEventListener("change", openSide);
openSide();

document.querySelector("#analysis-select")?.addEventListener("change", (event) => {
  const fields = new URLSearchParams(location.search);
  fields.set("analysis", /** @type {HTMLSelectElement} */ (event.target).value);
  location.assign(`?${fields}`);
});
