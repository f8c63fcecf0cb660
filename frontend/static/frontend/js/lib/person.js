/** Who is signed in to this browser: each page of a person says so, for pages of somebody else that are still open. */

import { choice, choose } from "./storage.js";

const NAME = "person";

/** This page was made for the person named in its body. */
export function rememberPerson() {
  const { user } = document.body.dataset;
  if (user) choose(NAME, user);
}

/** The id of the person whose page was opened last. */
export const storedUser = () => choice(NAME, "");
