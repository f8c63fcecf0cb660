/** The account page: a new token is copied, revoking one asks first. */

import { installConfirm } from "../lib/confirm.js";
import { installCopy } from "../lib/copy.js";

installConfirm();
installCopy();
