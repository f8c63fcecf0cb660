/** All uploads of the team: rows that follow the server; files are added on the page of their case. */

import { one, pageData } from "../lib/dom.js";
import { Queue } from "../upload/queue.js";
import { renderRows } from "../upload/rows.js";

const list = one("[data-rows]");
const empty = one("[data-empty]");
const queue = new Queue(pageData("upload-data"), { onchange: () => render(), onready: async () => true });

function render() {
  renderRows(list, queue, { choose: () => {}, chooseFolder: () => {}, cases: true });
  empty.hidden = queue.rows.length > 0;
}

render();
