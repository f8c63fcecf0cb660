/** This browser's storage, and this tab's; where they are switched off, one that lasts as long as the page. */

class PageStorage {
  #entries = new Map();

  get length() {
    return this.#entries.size;
  }

  /** @param {number} index */
  key(index) {
    return [...this.#entries.keys()][index] ?? null;
  }

  /** @param {string} name */
  getItem(name) {
    return this.#entries.get(name) ?? null;
  }

  /** @param {string} name @param {string} value */
  setItem(name, value) {
    this.#entries.set(name, String(value));
  }

  /** @param {string} name */
  removeItem(name) {
    this.#entries.delete(name);
  }

  clear() {
    this.#entries.clear();
  }
}

/** @param {"localStorage"|"sessionStorage"} name @returns {Storage} */
function find(name) {
  try {
    const found = globalThis[name];
    const probe = "mitoweb.probe";
    found.setItem(probe, "1");
    found.removeItem(probe);
    return found;
  } catch {
    return /** @type {Storage} */ (new PageStorage());
  }
}

export const storage = find("localStorage");
/** What a reload must not lose and nobody else needs: ends with the tab. */
export const tabStorage = find("sessionStorage");
/** Whether what is written survives a reload. */
export const lasts = !(storage instanceof PageStorage);

/** A choice of this reader on this browser. @param {string} name @param {string} otherwise */
export const choice = (name, otherwise) => storage.getItem(`mitoweb.${name}`) ?? otherwise;
/** @param {string} name @param {string} value */
export const choose = (name, value) => storage.setItem(`mitoweb.${name}`, value);
