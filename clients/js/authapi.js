// @ts-check
/**
 * authapi in a browser: log-in, and a `fetch` that stays logged in. No dependencies.
 *
 *   const auth = new AuthClient({ baseUrl: "/auth", transport: "hybrid" });
 *   auth.addEventListener("ended", showLogin);
 *   if (!(await auth.restore())) await auth.login({ email, password });
 *   const profile = await (await auth.fetch("/auth/me")).json();
 *
 *   transport   access token      refresh token     a request carries
 *   hybrid      in memory         HttpOnly cookie   Authorization: Bearer
 *   cookie      HttpOnly cookie   HttpOnly cookie   the cookie, X-CSRF-Token
 *   session     HttpOnly cookie   none              the cookie, X-CSRF-Token
 *
 * localStorage keeps no token: the Idempotency-Key of the next refresh, the transport, the sid.
 *
 * @typedef {import("./authapi.js").Session} Session
 * @typedef {{ access_token?: string, expires_in: number, csrf_token: string, session_id: string,
 *   transport: Session["transport"], at: number }} Held what the last answer gave, and when
 * @typedef {{ key: string, transport: Session["transport"], session_id?: string }} Kept
 */

const EARLY = 30; // refresh this many seconds before the end; a short life's last fifth
const TIMEOUT = 15_000; // milliseconds; an answer that takes longer counts as lost
const ATTEMPTS = 3;
const LONGEST_WAIT = 10; // seconds; a longer Retry-After is the page's to show
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const IDEMPOTENT = new Set([...SAFE, "PUT", "DELETE"]);

/** An answer that is no success. `code` is the body's `error`, `retryAfter` is in seconds. */
export class AuthError extends Error {
  /** @param {Response} response @param {{ error?: string, error_description?: string }} body */
  constructor(response, body) {
    super(body.error_description ?? `authapi answered ${response.status}`);
    this.name = "AuthError";
    this.status = response.status;
    this.code = body.error ?? "server_error";
    this.retryAfter = retryAfter(response);
  }

  /** @param {Response} response */
  static async of(response) {
    return new AuthError(response, await response.json().catch(() => ({})));
  }
}

/** Events: `started` and `ended` ({ detail: { reason } }), from the other tabs too. */
export class AuthClient extends EventTarget {
  #base;
  #origins;
  #defaultTransport;
  #channel;
  /** @type {Held | null} */ #held = null;
  /** @type {string | undefined} */ #csrf;
  /** @type {Promise<boolean> | undefined} */ #renewing;

  /** @param {import("./authapi.js").Options} [options] */
  constructor({ baseUrl = "", transport = "hybrid", origins = [] } = {}) {
    super();
    const base = new URL(baseUrl || "/", location.href);
    this.#base = base.href.replace(/\/$/, "");
    // Whoever else is asked through us gets no credential.
    this.#origins = new Set([base.origin, location.origin, ...origins]);
    this.#defaultTransport = transport;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
  }

  /** @returns {Session | null} */
  get session() {
    return this.#held && { session_id: this.#held.session_id, transport: this.#held.transport };
  }

  /** A new session, which ends the one before. Throws AuthError.
   * @param {import("./authapi.js").Credentials} credentials */
  login({ transport = this.#defaultTransport, ...credentials }) {
    return this.#alone(async () => {
      const response = await this.#call("login", { body: { ...credentials, transport } });
      if (!response.ok) throw await AuthError.of(response);
      this.#accept(await response.json(), transport);
      return /** @type {Session} */ (this.session);
    });
  }

  /** After a reload: the session that the cookies hold, or null. Throws where nobody can tell. */
  async restore() {
    await this.#renew(this.#held);
    return this.session;
  }

  /** End the session, or with `everywhere` all of the user's. Throws where it may live on. */
  async logout({ everywhere = false } = {}) {
    if (everywhere) {
      const response = await this.fetch(`${this.#base}/logout/all`, { method: "POST" });
      if (!response.ok && response.status !== 401) throw await AuthError.of(response);
    } else {
      await this.#alone(() => this.#logOut());
    }
    this.#end("logout");
  }

  /** As `fetch`, with the credential. Refreshes before its end or on a 401, then sends once more.
   * A 401 that is returned is final. Throws AuthError where a refresh is refused for now.
   * @param {RequestInfo | URL} input @param {RequestInit} [init] */
  async fetch(input, init) {
    const request = new Request(input, init);
    if (!this.#origins.has(new URL(request.url).origin)) return fetch(request);
    if (this.#held && isAlmostOver(this.#held)) await this.#renew(this.#held);
    const held = this.#held;
    const response = await this.#send(request);
    if (response.status !== 401 || !(await this.#renew(held))) return response;
    return this.#send(request);
  }

  /** Stop listening to the other tabs. */
  close() {
    this.#channel.close();
  }

  // The session -------------------------------------------------------------------------------

  /** Whether there is a session now. One at a time in this page, then one in this browser.
   * @param {Held | null} stale what has to be replaced */
  #renew(stale) {
    this.#renewing ??= this.#alone(async () => {
      // Another tab's refresh was told to us while we waited.
      if (this.#held && this.#held !== stale) return true;
      if (!this.#csrf && !(await this.#fetchCsrfToken())) return this.#end("refused");
      return (this.#kept?.transport ?? this.#defaultTransport) === "session"
        ? this.#lookUp()
        : this.#refresh();
    }).finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Contract section 4: one key for all tabs, the same one until an answer said `rotated`. */
  async #refresh() {
    for (let attempt = 1; ; attempt++) {
      const kept = this.#kept ?? this.#keep({ key: newKey(), transport: this.#defaultTransport });
      const response = await this.#call("refresh", { headers: { "Idempotency-Key": kept.key } });
      if (response.ok) {
        this.#accept(await response.json());
        return true;
      }
      if (response.status === 401) {
        // Without a lock it may have been another tab's cookie that came too late.
        if (this.#kept?.key !== kept.key && attempt < ATTEMPTS) continue;
        return this.#giveUp();
      }
      const canBeMended = response.status === 400 || response.status === 403;
      if (!canBeMended || attempt === ATTEMPTS) throw await AuthError.of(response);
      // 400: the key was used, its answer was lost. 403: the session is another tab's new one.
      if (response.status === 400) this.#keep({ ...kept, key: newKey() });
      else await this.#fetchCsrfToken();
    }
  }

  /** Transport `session` has nothing to refresh: ask whether it is still there. */
  async #lookUp() {
    const response = await this.#call("me", { method: "GET" });
    if (response.status === 401) return this.#giveUp();
    if (!response.ok) throw await AuthError.of(response);
    if (!this.#held) {
      const { session_id = "" } = this.#kept ?? {};
      const held = { session_id, csrf_token: this.#csrf ?? "", expires_in: 0, at: Date.now() };
      this.#hold({ ...held, transport: "session" });
    }
    return true;
  }

  /** What is held is refused. If a thief was faster, a log-out with it cuts him off. */
  async #giveUp() {
    await this.#logOut().catch(() => undefined);
    return this.#end("refused");
  }

  async #logOut() {
    if (!this.#csrf && !(await this.#fetchCsrfToken())) return;
    let response = await this.#call("logout");
    // The token was of a session that another tab has replaced.
    if (response.status === 403 && (await this.#fetchCsrfToken())) {
      response = await this.#call("logout");
    }
    if (!response.ok && response.status !== 401) throw await AuthError.of(response);
  }

  /** @param {Omit<Held, "transport" | "at"> & { rotated?: boolean }} answer
   * @param {Session["transport"]} [transport] */
  #accept(answer, transport = answer.access_token ? "hybrid" : "cookie") {
    const kept = this.#kept;
    const key = answer.rotated === false && kept ? kept.key : newKey();
    this.#keep({ key, transport, session_id: answer.session_id });
    const { access_token, expires_in, csrf_token, session_id } = answer;
    const held = { access_token, expires_in, csrf_token, session_id, transport, at: Date.now() };
    this.#channel.postMessage({ held });
    this.#hold(held);
  }

  /** @param {Held} held */
  #hold(held) {
    const isNew = this.#held?.session_id !== held.session_id;
    this.#held = held;
    this.#csrf = held.csrf_token;
    if (isNew) this.dispatchEvent(new CustomEvent("started", { detail: this.session }));
  }

  /** @param {"logout" | "refused"} reason */
  #end(reason) {
    const session_id = this.#held?.session_id;
    if (session_id) {
      this.#channel.postMessage({ ended: session_id, reason });
      this.#forget(reason);
    }
    this.#csrf = undefined;
    localStorage.removeItem(this.#name);
    return false;
  }

  /** @param {{ held?: Held, ended?: string, reason?: string }} message of another tab */
  #hear({ held, ended, reason }) {
    if (held && held.at >= (this.#held?.at ?? 0)) this.#hold(held);
    if (ended && ended === this.#held?.session_id) this.#forget(reason);
  }

  /** @param {string | undefined} reason */
  #forget(reason) {
    this.#held = null;
    this.#csrf = undefined;
    this.dispatchEvent(new CustomEvent("ended", { detail: { reason } }));
  }

  // The wire ----------------------------------------------------------------------------------

  /** @param {Request} request */
  #send(request) {
    const headers = new Headers(request.headers);
    const token = this.#held?.access_token;
    if (token) headers.set("Authorization", `Bearer ${token}`);
    else if (this.#csrf && !SAFE.has(request.method)) headers.set("X-CSRF-Token", this.#csrf);
    const credentials = token ? request.credentials : "include";
    const isRepeatable = IDEMPOTENT.has(request.method);
    return patiently(() => fetch(new Request(request.clone(), { headers, credentials })), {
      afterRefusal: isRepeatable,
    });
  }

  /** @param {string} path @param {{ method?: string, headers?: object, body?: object }} [more] */
  #call(path, { method = "POST", headers = {}, body } = {}) {
    const send = () => fetch(`${this.#base}/${path}`, {
      method,
      credentials: "include",
      cache: "no-store",
      headers: {
        ...headers,
        ...(body && { "Content-Type": "application/json" }),
        ...(this.#csrf && method !== "GET" && { "X-CSRF-Token": this.#csrf }),
      },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const isLogin = path === "login"; // a person waits, and is told
    return patiently(send, { afterRefusal: !isLogin, afterLoss: !isLogin });
  }

  /** Whether the cookies name a session, in force or not. */
  async #fetchCsrfToken() {
    const response = await this.#call("csrf", { method: "GET" });
    if (!response.ok && response.status !== 401) throw await AuthError.of(response);
    this.#csrf = response.ok ? (await response.json()).csrf_token : undefined;
    return response.ok;
  }

  // What the tabs share -----------------------------------------------------------------------

  get #name() {
    return `authapi ${this.#base}`;
  }

  /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  #alone(work) {
    return navigator.locks ? navigator.locks.request(this.#name, work) : work();
  }

  /** @returns {Kept | null} */
  get #kept() {
    return JSON.parse(localStorage.getItem(this.#name) ?? "null");
  }

  /** @param {Kept} kept */
  #keep(kept) {
    localStorage.setItem(this.#name, JSON.stringify(kept));
    return kept;
  }
}

/** Timed from receipt: a token's `exp` is of another clock. @param {Held} held */
function isAlmostOver({ transport, at, expires_in }) {
  if (transport === "session") return false;
  const age = (Date.now() - at) / 1000;
  return age < 0 || age > expires_in - Math.min(EARLY, expires_in / 5);
}

/** Send again, a few times, what was refused for a moment (429, 503) or whose answer was lost.
 * @param {() => Promise<Response>} send
 * @param {{ afterRefusal?: boolean, afterLoss?: boolean }} allowed */
async function patiently(send, { afterRefusal = false, afterLoss = false }) {
  for (let attempt = 1; ; attempt++) {
    let wait = attempt / 2;
    try {
      const response = await send();
      wait = retryAfter(response) ?? Infinity;
      if (!afterRefusal || attempt === ATTEMPTS || wait > LONGEST_WAIT) return response;
    } catch (error) {
      if (!afterLoss || attempt === ATTEMPTS) throw error;
    }
    // Not all at the same moment.
    await new Promise((resolve) => setTimeout(resolve, (wait + Math.random() / 2) * 1000));
  }
}

/** Seconds, of a 429 or 503 that names them. @param {Response} response */
function retryAfter(response) {
  const seconds = parseInt(response.headers.get("Retry-After") ?? "", 10);
  return [429, 503].includes(response.status) && seconds >= 0 ? seconds : undefined;
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
