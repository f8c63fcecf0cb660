/** The REST API from the browser: session cookie, CSRF header, one kind of error. */

export class ApiError extends Error {
  /**
   * @param {number} status 0 when the server was not reached
   * @param {string} message a sentence for people
   * @param {unknown} [body]
   * @param {number} [retryAfter_s] when the server wants to be asked again; 0 where it does not say
   */
  constructor(status, message, body, retryAfter_s = 0) {
    super(message);
    this.status = status;
    this.body = body;
    this.retryAfter_s = retryAfter_s;
  }

  /** A later try may succeed: nothing is wrong with what was sent. A stale CSRF token is renewed by the next sign-in. */
  get passing() {
    return (
      this.status === 0 ||
      (this.status === 403 && this.message.startsWith("CSRF")) ||
      this.status === 408 ||
      this.status === 429 ||
      this.status >= 500
    );
  }
}

/** @returns {string} */
export function csrfToken() {
  const name = document.body.dataset.csrfCookie ?? "csrftoken";
  const pair = document.cookie.split("; ").find((entry) => entry.startsWith(`${name}=`));
  if (pair) return decodeURIComponent(pair.slice(name.length + 1));
  const field = /** @type {HTMLInputElement|null} */ (document.querySelector("[name=csrfmiddlewaretoken]"));
  return field?.value ?? "";
}

/**
 * @param {unknown} body the server's answer to a refused request
 * @returns {string}
 */
function sentence(body) {
  if (typeof body === "string") return body;
  if (Array.isArray(body)) return body.map(sentence).join(" ");
  if (body && typeof body === "object") {
    if ("detail" in body) return sentence(body.detail);
    return Object.values(body).map(sentence).join(" ");
  }
  return "";
}

/**
 * @param {string} method
 * @param {string} url
 * @param {{json?: unknown, body?: Blob, headers?: Record<string, string>, signal?: AbortSignal, keepalive?: boolean}} [options]
 * @returns {Promise<{status: number, body: any}>}
 */
export async function request(method, url, options = {}) {
  const response = await send(method, url, options);
  const isJson = response.headers.get("Content-Type")?.includes("json");
  const body = response.status === 204 ? null : isJson ? await response.json() : await response.text();
  if (response.ok) return { status: response.status, body };
  throw refusalOf(response, isJson ? body : "");
}

/** @param {Response} response @param {unknown} [body] */
const refusalOf = ({ status, headers }, body = "") =>
  new ApiError(status, sentence(body) || `The server answered ${status}`, body, Number(headers.get("Retry-After")) || 0);

const TURNS = 6;

/**
 * Asks again, when the server says so, for what it works out for somebody else just now.
 * @template T
 * @param {() => Promise<T>} ask
 * @param {() => void} waits is told each time
 * @returns {Promise<T>}
 */
export async function askInTurn(ask, waits) {
  for (let turn = 1; ; turn += 1) {
    try {
      return await ask();
    } catch (error) {
      const { status, retryAfter_s: wait_s } = /** @type {ApiError} */ (error);
      if (status !== 503 || !wait_s || turn === TURNS) throw error;
      waits();
      await new Promise((resolve) => setTimeout(resolve, wait_s * 1000));
    }
  }
}

/**
 * @param {string} method
 * @param {string} url
 * @param {{json?: unknown, body?: Blob, headers?: Record<string, string>, signal?: AbortSignal, keepalive?: boolean}} options
 * @returns {Promise<Response>}
 */
async function send(method, url, { json, body, headers = {}, signal, keepalive }) {
  /** @type {Record<string, string>} */
  const sent = { Accept: "application/json", ...headers };
  if (method !== "GET" && method !== "HEAD") sent["X-CSRFToken"] = csrfToken();
  if (json !== undefined) sent["Content-Type"] = "application/json";
  try {
    return await fetch(url, {
      method,
      headers: sent,
      signal,
      keepalive,
      credentials: "same-origin",
      body: json === undefined ? body : JSON.stringify(json),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "The server was not reached");
  }
}

/** A picture, decoded beside the page's own thread. @param {string} url @param {AbortSignal} signal @returns {Promise<ImageBitmap>} */
export async function getPicture(url, signal) {
  const response = await send("GET", url, { headers: { Accept: "image/*" }, signal });
  if (!response.ok) throw refusalOf(response);
  try {
    return await createImageBitmap(await response.blob());
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(0, "The picture did not come whole");
  }
}

/** @param {string} url @param {AbortSignal} [signal] */
export const get = async (url, signal) => (await request("GET", url, { signal })).body;
/** @param {string} url @param {unknown} [json] */
export const post = async (url, json = {}) => (await request("POST", url, { json })).body;
/** @param {string} url */
export const remove = async (url) => (await request("DELETE", url)).body;
