/** The account page: a new token is copied. */

import { installCopy } from "../lib/copy.js";

installCopy();
