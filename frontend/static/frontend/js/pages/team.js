/** The team page: a chosen role waits for Save, removing asks first, links are copied. */

import { installConfirm } from "../lib/confirm.js";
import { installCopy } from "../lib/copy.js";
import { installSavedForms } from "../lib/saved_forms.js";

installSavedForms();
installConfirm();
installCopy();
