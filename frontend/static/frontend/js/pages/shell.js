/** Every page: theme, menus, dialogs, rows, keys, toasts, tooltips. */

import { installDialogs, installHtmx, installMenus, installPageKeys, installRowLinks, localTimes } from "../lib/behaviours.js";
import { rememberPerson } from "../lib/person.js";
import { installTheme } from "../lib/theme.js";
import { installToasts } from "../lib/toast.js";
import { installTooltips } from "../lib/tooltip.js";
import { sendLeftovers } from "../review/leftovers.js";

rememberPerson();
installTheme();
installMenus();
installDialogs();
installRowLinks();
installPageKeys();
installHtmx();
installToasts();
installTooltips();
localTimes();
sendLeftovers();
document.addEventListener("htmx:afterSettle", (event) => localTimes(/** @type {ParentNode} */ (event.target)));
