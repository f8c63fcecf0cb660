/** This browser's storage; where it is switched off, one that lasts as long as the page. */

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

/** @returns {Storage} */
function find() {
  try {
    const probe = "mitoweb.probe";
    localStorage.setItem(probe, "1");
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return /** @type {Storage} */ (new PageStorage());
  }
}

export const storage = find();
/** Whether what is written survives a reload. */
export const lasts = !(storage instanceof PageStorage);

/** A choice of this reader on this browser. @param {string} name @param {string} otherwise */
export const choice = (name, otherwise) => storage.getItem(`mitoweb.${name}`) ?? otherwise;
/** @param {string} name @param {string} value */
export const choose = (name, value) => storage.setItem(`mitoweb.${name}`, value);
