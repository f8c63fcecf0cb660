/** The description of the REST API, drawn by Swagger UI. Requests tried here carry the CSRF token of this page. */

import { csrfToken } from "../lib/api.js";
import { one } from "../lib/dom.js";

const root = document.documentElement;
const followTheme = () => root.classList.toggle("dark-mode", root.dataset.theme === "dark");
followTheme();
new MutationObserver(followTheme).observe(root, { attributeFilter: ["data-theme"] });

SwaggerUIBundle({
  url: one("#api-docs").dataset.schema,
  dom_id: "#api-docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  requestInterceptor: (request) => {
    if (request.method && request.method !== "GET") request.headers["X-CSRFToken"] = csrfToken();
    return request;
  },
});
