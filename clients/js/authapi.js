/**
 * authapi in a browser: log-in, and a `fetch` that stays logged in. No dependencies.
 * The types, and what each method promises: authapi.d.ts.
 *
 *   transport   access token      refresh token     a request carries
 *   hybrid      in memory         HttpOnly cookie   Authorization: Bearer
 *   cookie      HttpOnly cookie   HttpOnly cookie   the cookie, X-CSRF-Token
 *   session     HttpOnly cookie   none              the cookie, X-CSRF-Token
 *
 * localStorage keeps no token: the Idempotency-Key of the next refresh, the transport, the sid.
 *
 * What is for other tabs may fail (no lock, no storage, no channel): callers are never told of it.
 */

const EARLY = 30; // refresh this many seconds before the end; a short life's last fifth
const TIMEOUT = 15_000; // milliseconds; an answer that takes longer counts as lost
const ATTEMPTS = 3;
const LONGEST_WAIT = 10; // seconds; a longer Retry-After is the page's to show
const SAFE = ["GET", "HEAD", "OPTIONS"];
const IDEMPOTENT = [...SAFE, "PUT", "DELETE"];
const KEY = /^[!-~]{16,128}$/;
// What an answer must have. Anything else is a portal's or a proxy's.
const TOKENS = { session_id: "string", expires_in: "number" };
const CSRF_TOKEN = { csrf_token: "string" };
const PROFILE = { id: "string" };

export class AuthError extends Error {
  constructor(response, { error = "server_error", error_description, errors = [] }) {
    super(error_description ?? `authapi answered ${response.status}`);
    Object.assign(this, { name: "AuthError", status: response.status, code: error, errors });
    this.retryAfter = retryAfter(response);
  }

  static async of(response) {
    return new AuthError(response, (await response.json().catch(() => null)) ?? {});
  }

  /** For a success that says nothing of what was asked. */
  static odd(response) {
    const error_description = `This ${response.status} is no answer of authapi's`;
    return new AuthError(response, { error: "invalid_response", error_description });
  }
}

export class AuthClient extends EventTarget {
  #base;
  #name; // of what the tabs share
  #origins;
  #transport;
  #channel;
  #held = null; // of the last answer: access_token, expires_in, session_id, transport; `at` when
  #csrf;
  #renewing;
  #unstored = null; // what localStorage did not take

  constructor({ baseUrl = "", transport = "hybrid", origins = [] } = {}) {
    super();
    const { href, origin } = globalThis.location ?? {};
    const base = new URL(baseUrl || "/", href);
    this.#base = base.href.replace(/\/$/, "");
    this.#name = `authapi ${this.#base}`;
    // Whoever else is asked through us gets no credential.
    this.#origins = [base.origin, origin, ...origins];
    this.#transport = transport;
    this.#listen();
  }

  get session() {
    return this.#held && { session_id: this.#held.session_id, transport: this.#held.transport };
  }

  login({ transport = this.#transport, ...credentials }) {
    return this.#alone(async () => {
      const response = await this.#call("login", {
        body: { ...credentials, transport },
        expected: TOKENS,
      });
      if (!response.ok) throw await AuthError.of(response);
      return this.#start(response.answer, transport);
    });
  }

  async changePassword(body) {
    const headers = { "Content-Type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await this.fetch(`${this.#base}/me/password`, init);
    if (!response.ok) throw await AuthError.of(response);
    const answer = await response.json();
    const transport = this.#held?.transport ?? this.#transport;
    return this.#alone(() => this.#start(answer, transport));
  }

  async restore() {
    await this.#renew(this.#held);
    return this.session;
  }

  async logout({ everywhere = false } = {}) {
    if (everywhere) {
      const response = await this.fetch(`${this.#base}/logout/all`, { method: "POST" });
      if (!isLoggedOut(response)) throw await AuthError.of(response);
    } else {
      await this.#alone(() => this.#logOut());
    }
    this.#end("logout");
  }

  async fetch(input, init) {
    const request = new Request(input, init);
    if (!this.#origins.includes(new URL(request.url).origin)) return fetch(request);
    if (this.#held && isAlmostOver(this.#held)) {
      await this.#renew(this.#held).catch((error) => {
        if (!this.#held || isAlmostOver(this.#held, 0)) throw error; // else it is good until then
      });
    }
    const held = this.#held;
    const response = await this.#send(request);
    if (response.status !== 401 || !(await this.#renew(held))) return response;
    return this.#send(request);
  }

  close() {
    this.#channel?.close();
    this.#channel = undefined;
  }

  // The session -------------------------------------------------------------------------------

  /** Whether there is a session now. One at a time in this page, then one in this browser. */
  #renew(stale) {
    this.#renewing ??= this.#alone(async () => {
      // Another tab's refresh was told to us while we waited.
      if (this.#held && this.#held !== stale) return true;
      if (!this.#csrf && !(await this.#fetchCsrfToken())) return this.#end("refused");
      const isLookedUp = (this.#kept?.transport ?? this.#transport) === "session";
      return isLookedUp ? this.#lookUp() : this.#refresh();
    }).finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** docs/refresh.md. Without a lock another tab may have changed what is kept meanwhile. */
  async #refresh() {
    for (let attempt = 1; ; attempt++) {
      const kept = this.#kept ?? this.#keep({ key: newKey(), transport: this.#transport });
      const headers = { "Idempotency-Key": kept.key };
      const response = await this.#call("refresh", { headers, expected: TOKENS });
      const now = this.#kept;
      const isLast = attempt === ATTEMPTS;
      if (response.ok) {
        // Another log-in, or a log-out: what was sent is not the session's token any more.
        if (now?.session_id !== kept.session_id && !isLast) continue;
        const { answer } = response;
        const transport = answer.access_token ? "hybrid" : "cookie";
        const isUsedUp = answer.rotated !== false && now?.key === kept.key;
        const key = isUsedUp ? newKey() : (now ?? kept).key;
        this.#keep({ key, transport, session_id: answer.session_id });
        this.#accept(answer, transport);
        return true;
      }
      if (response.status === 401) {
        // It may have been another tab's cookie that came too late.
        if (now?.key !== kept.key && !isLast) continue;
        return this.#giveUp();
      }
      if (![400, 403].includes(response.status) || isLast) throw await AuthError.of(response);
      // A key that was made just now was not used before: this session can't be refreshed.
      if (response.status === 400 && !kept.session_id) return this.#lookUp();
      // 400: the key was used, its answer was lost. 403: the session is another tab's new one.
      if (response.status === 403) await this.#fetchCsrfToken();
      else if (now?.key === kept.key) this.#keep({ ...kept, key: newKey() });
    }
  }

  /** Transport `session` has nothing to refresh: ask whether it is still there. */
  async #lookUp() {
    const response = await this.#call("me", { method: "GET", expected: PROFILE });
    if (response.status === 401) return this.#giveUp();
    if (!response.ok) throw await AuthError.of(response);
    const { session_id = "", key = newKey() } = this.#kept ?? {};
    this.#keep({ key, transport: "session", session_id });
    if (!this.#held) this.#hold({ session_id, csrf_token: this.#csrf, transport: "session" });
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
    const isOther = response.status === 403 && (await this.#fetchCsrfToken());
    if (isOther) response = await this.#call("logout");
    if (!isLoggedOut(response)) throw await AuthError.of(response);
  }

  #start(answer, transport) {
    this.#keep({ key: newKey(), transport, session_id: answer.session_id });
    this.#accept(answer, transport);
    return this.session;
  }

  #accept({ access_token, expires_in, csrf_token, session_id }, transport) {
    const held = { access_token, expires_in, csrf_token, session_id, transport, at: Date.now() };
    this.#tell({ held });
    this.#hold(held);
  }

  #hold(held) {
    const isNew = this.#held?.session_id !== held.session_id;
    this.#held = held;
    this.#csrf = held.csrf_token;
    if (isNew) this.dispatchEvent(new CustomEvent("started", { detail: this.session }));
  }

  #end(reason) {
    const ended = this.#held?.session_id;
    this.#keepNothing();
    this.#forget(reason);
    if (ended) this.#tell({ ended, reason });
    return false;
  }

  #forget(reason) {
    const wasHeld = this.#held;
    this.#held = null;
    this.#csrf = undefined;
    this.#unstored = null;
    if (wasHeld) this.dispatchEvent(new CustomEvent("ended", { detail: { reason } }));
  }

  #listen() {
    try {
      this.#channel = new BroadcastChannel(this.#name);
      this.#channel.onmessage = ({ data }) => this.#hear(data ?? {});
      this.#channel.unref?.(); // Node would not end
    } catch {
      // Other tabs are told nothing, and learn it from their next request.
    }
  }

  /** Tell the other tabs, after `close` too. */
  #tell(message) {
    try {
      const channel = this.#channel ?? new BroadcastChannel(this.#name);
      channel.postMessage(message);
      if (channel !== this.#channel) channel.close();
    } catch {
      // As in #listen.
    }
  }

  /** What another tab tells. */
  #hear({ held, ended, reason }) {
    if (held && held.at >= (this.#held?.at ?? 0)) this.#hold(held);
    if (ended && ended === this.#held?.session_id) this.#forget(reason);
  }

  // The wire ----------------------------------------------------------------------------------

  #send(request) {
    const headers = new Headers(request.headers);
    const token = this.#held?.access_token;
    if (token) headers.set("Authorization", `Bearer ${token}`);
    else if (this.#csrf && !SAFE.includes(request.method)) headers.set("X-CSRF-Token", this.#csrf);
    const credentials = token ? request.credentials : "include";
    const send = () => fetch(new Request(request.clone(), { headers, credentials }));
    return patiently(send, { afterRefusal: IDEMPOTENT.includes(request.method) });
  }

  /** The response. A success has, as `answer`, a body with the expected members. */
  #call(path, { method = "POST", headers, body, expected } = {}) {
    const ask = () => fetch(`${this.#base}/${path}`, {
      method,
      credentials: "include",
      cache: "no-store",
      redirect: "error", // a 307 or 308 would carry the password on, to another host too
      headers: {
        ...headers,
        ...(body && { "Content-Type": "application/json" }),
        ...(this.#csrf && method !== "GET" && { "X-CSRF-Token": this.#csrf }),
      },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const send = async () => {
      const response = await ask();
      if (response.ok && expected) response.answer = await readAnswer(response, expected);
      return response;
    };
    const isLogin = path === "login"; // a person waits, and is told
    return patiently(send, { afterRefusal: !isLogin, afterLoss: !isLogin });
  }

  /** Whether the cookies name a session, in force or not. */
  async #fetchCsrfToken() {
    const response = await this.#call("csrf", { method: "GET", expected: CSRF_TOKEN });
    if (!response.ok && response.status !== 401) throw await AuthError.of(response);
    this.#csrf = response.answer?.csrf_token;
    return response.ok;
  }

  // What the tabs share -----------------------------------------------------------------------

  async #alone(work) {
    let working;
    try {
      await navigator.locks.request(this.#name, () => {
        working = work();
        return working.catch(() => undefined);
      });
    } catch {
      // There are no locks here, or somebody stole this one: the work is done all the same.
    }
    return working ?? work();
  }

  get #kept() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#name));
      if (KEY.test(kept?.key)) return kept;
    } catch {
      // Storage is forbidden or missing, or holds what is not ours.
    }
    return this.#unstored;
  }

  #keep(kept) {
    this.#unstored = null;
    try {
      localStorage.setItem(this.#name, JSON.stringify(kept));
    } catch {
      this.#keepNothing(); // an older key would be taken for this one
      this.#unstored = kept;
    }
    return kept;
  }

  #keepNothing() {
    this.#unstored = null;
    try {
      localStorage.removeItem(this.#name);
    } catch {
      // Then nothing is stored.
    }
  }
}

/** Timed from receipt: a token's `exp` is of another clock. */
function isAlmostOver({ transport, at, expires_in }, early = EARLY) {
  if (transport === "session") return false;
  const age = (Date.now() - at) / 1000;
  return age < 0 || age > expires_in - Math.min(early, expires_in / 5);
}

async function readAnswer(response, expected) {
  const text = await response.text(); // rejects where the rest of it was lost
  try {
    const answer = JSON.parse(text);
    const has = ([name, type]) => typeof answer[name] === type;
    if (Object.entries(expected).every(has)) return answer;
  } catch {
    // It is no JSON, or null.
  }
  throw AuthError.odd(response);
}

/** Whether there is no session any more. Only 204 and 401 say so. */
function isLoggedOut(response) {
  if (response.ok && response.status !== 204) throw AuthError.odd(response);
  return response.ok || response.status === 401;
}

/** Send again, a few times, what was refused for a moment (429, 503) or whose answer was lost. */
async function patiently(send, { afterRefusal = false, afterLoss = false }) {
  for (let attempt = 1; ; attempt++) {
    let wait = attempt / 2;
    try {
      const response = await send();
      // A proxy answers 5xx for a server that is away: as good as lost.
      const isLost = afterLoss && (response.status === 429 || response.status >= 500);
      wait = retryAfter(response) ?? (isLost ? wait : Infinity);
      if (!afterRefusal || attempt === ATTEMPTS || wait > LONGEST_WAIT) return response;
    } catch (error) {
      if (!afterLoss || attempt === ATTEMPTS) throw error;
    }
    // Not all at the same moment.
    await new Promise((resolve) => setTimeout(resolve, (wait + Math.random() / 2) * 1000));
  }
}

function retryAfter(response) {
  const text = response.headers.get("Retry-After") ?? "";
  const isNumber = /^\d+$/.test(text); // else a date, from a proxy
  const seconds = isNumber ? Number(text) : Math.max(0, (Date.parse(text) - Date.now()) / 1000);
  return [429, 503].includes(response.status) && seconds >= 0 ? seconds : undefined;
}

function newKey() {
  return crypto.getRandomValues(new BigUint64Array(2)).join("-").padStart(16, "0");
}
