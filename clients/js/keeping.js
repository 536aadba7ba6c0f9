/**
 * What is kept for the next refresh: `key`, `transport`, `session_id`, and `refresh_token` for
 * bearer. It lies in localStorage, shared by all tabs, or in the storage of an app.
 */

import { parse } from "./answers.js";

const KEY = /^[!-~]{16,128}$/;

export class Keeping {
  #storage;
  #isBearer;
  #name;
  #unstored = null; // what the storage did not take

  /** `name` is a function: see #base of AuthClient. */
  constructor(storage, isBearer, name) {
    this.#storage = isBearer ? (storage ?? inMemory()) : ofTheBrowser();
    this.#isBearer = isBearer;
    this.#name = name;
  }

  /**
   * What is kept, or null. Rejects where an app's storage does: behind a locked key store there may
   * be a session.
   */
  async read() {
    if (this.#isBearer && this.#unstored) return this.write(this.#unstored); // it may take it now
    try {
      const kept = parse(await this.#storage.get(this.#name()));
      if (KEY.test(kept?.key)) return kept;
    } catch (error) {
      if (this.#isBearer) throw error;
    }
    return this.#unstored;
  }

  /** Keep and return it. Where the storage fails, it is kept in memory. */
  async write(kept) {
    this.#unstored = kept;
    try {
      await this.#storage.set(this.#name(), JSON.stringify(kept));
      if (this.#unstored === kept) this.#unstored = null;
    } catch {
      // An older key would be taken for this one. An app's older pair leads to this one again.
      if (!this.#isBearer) await this.#remove();
    }
    return kept;
  }

  async clear() {
    this.#unstored = null;
    await this.#remove();
  }

  /** Whether this browser would remember a log-in, and remembers none. */
  async isBlank() {
    if (await this.read()) return false;
    const name = `${this.#name()} probe`;
    const probe = "x".repeat(200); // more than is kept
    try {
      await this.#storage.set(name, probe);
      const isStored = (await this.#storage.get(name)) === probe;
      await this.#storage.remove(name);
      return isStored;
    } catch {
      return false;
    }
  }

  async #remove() {
    try {
      await this.#storage.remove(this.#name());
    } catch {
      // Then nothing is stored, or nothing that is still good.
    }
  }
}

export function newKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-").padStart(16, "0");
}

function ofTheBrowser() {
  return {
    get: (name) => localStorage.getItem(name),
    set: (name, value) => localStorage.setItem(name, value),
    remove: (name) => localStorage.removeItem(name),
  };
}

function inMemory() {
  const kept = new Map();
  return {
    get: (name) => kept.get(name),
    set: (name, value) => kept.set(name, value),
    remove: (name) => kept.delete(name),
  };
}
