/**
 * authapi in browsers, apps and Node: log-in, and a `fetch` that stays logged in. No dependencies.
 * The types, and what each method promises: authapi.d.ts.
 *
 *   transport   access token      refresh token     a request carries
 *   hybrid      in memory         HttpOnly cookie   Authorization: Bearer
 *   cookie      HttpOnly cookie   HttpOnly cookie   the cookie, X-CSRF-Token
 *   session     HttpOnly cookie   none              the cookie, X-CSRF-Token
 *   bearer      in memory         your storage      Authorization: Bearer
 *
 * What is kept: the Idempotency-Key of the next refresh, the transport, the sid; for bearer the
 * refresh token too. localStorage keeps no token. A key is kept before it is first sent.
 *
 * What is for other tabs may fail (no lock, no storage, no channel): callers are never told of it.
 */

import { absolute, resourceOf } from "./addresses.js";
import { ATTEMPTS, AuthError, isLoggedOut, patiently, readAnswer, wantedLogIn } from "./answers.js";
import { Keeping, newKey } from "./keeping.js";
import { browserPasskeys, canAutofill, makePasskey, usePasskey } from "./passkeys.js";
import { askThePage } from "./stepping.js";

export { AuthError };

const EARLY = 30; // refresh this many seconds before the end; a short life's last fifth
const TIMEOUT = 15_000; // milliseconds; an answer that takes longer counts as lost
const SAFE = ["GET", "HEAD", "OPTIONS"];
const IDEMPOTENT = [...SAFE, "PUT", "DELETE"];
const WITH_TOKENS = ["hybrid", "bearer"]; // transports that can have one for each service
// A person waits, and is told. A code works once.
const SENT_ONCE = ["login", "login/continue", "login/passkey", "login/id-token", "register"];
// What an answer must have. Anything else is a portal's or a proxy's.
const TOKENS = { session_id: "string", expires_in: "number" };
const BEARER_TOKENS = { ...TOKENS, access_token: "string", refresh_token: "string" };
const CSRF_TOKEN = { csrf_token: "string" };
const PROFILE = { id: "string" };
const FACTOR = { id: "string" };
const CHALLENGE = { challenge_id: "string", options: "object" };
const CODES = { recovery_codes: "object" };
const LIST = { length: "number" };

export class AuthClient extends EventTarget {
  #options;
  #isBearer;
  #keeping;
  #channel;
  #session = null; // the same object until it changes
  #user = null;
  #held = null; // of the last answer: access_token, expires_in, session_id, transport; `at` when
  #others = new Map(); // the same of this session, for each other service: a resource's
  #csrf;
  #renewing = new Map(); // for each resource; undefined is authapi itself
  #renewed = Promise.resolve(); // when the last of them is done
  #waiting = null; // a log-in whose second factor is asked for: authSession, transport, user
  #steppingUp = null; // whether the log-in is fresh then; null while nobody is asked

  constructor({ baseUrl, transport = "hybrid", origins = [], resources = {}, ...rest } = {}) {
    super();
    const { storage, alwaysAsk, onStepUp, passkeys = browserPasskeys } = rest;
    this.#options = { baseUrl: baseUrl || "/", transport, origins, resources, alwaysAsk, passkeys };
    this.onStepUp = onStepUp;
    this.#demandTokens(transport);
    this.#isBearer = transport === "bearer";
    this.#keeping = new Keeping(storage, this.#isBearer, () => this.#name);
    this.#listen();
  }

  get session() {
    return this.#session;
  }

  get user() {
    return this.#user;
  }

  async register(account) {
    const response = await this.#call("register", { body: account });
    if (!response.ok) throw await AuthError.of(response);
    return response.status === 202 ? null : readAnswer(response, PROFILE);
  }

  async login({ transport = this.#options.transport, ...credentials }) {
    return this.#begin("login", { ...credentials, transport }, { transport });
  }

  async continueLogin({ authSession = this.#waiting?.authSession, ...proof }) {
    const isKnown = this.#waiting && this.#waiting.authSession === authSession;
    const { transport, user } = isKnown ? this.#waiting : this.#options;
    const asked = { auth_session: authSession };
    const sent = await this.#proofOf(proof, "login/passkey/options", asked);
    return this.#begin("login/continue", { ...asked, ...sent }, { transport, user });
  }

  async loginWithPasskey({ transport = this.#options.transport, ...options } = {}) {
    const { conditional, signal, remember } = options;
    if (conditional && !(await canAutofill())) return null;
    const ask = () => this.#ask("login/passkey/options", { expected: CHALLENGE });
    const passkey = await usePasskey(this.#options.passkeys, ask, { conditional, signal });
    return this.#begin("login/passkey", { ...passkey, transport, remember }, { transport });
  }

  async loginWithIdToken({ provider, idToken, transport = this.#options.transport, ...rest }) {
    const body = { provider, id_token: idToken, transport, ...rest };
    return this.#begin("login/id-token", body, { transport });
  }

  async reauth(proof) {
    return this.#replace("reauth", await this.#proofOf(proof, "reauth/passkey/options"));
  }

  changePassword(passwords) {
    return this.#replace("me/password", passwords);
  }

  async restore() {
    await this.#renew(this.#held);
    return this.#session;
  }

  async loadUser() {
    if (!this.#session && !(await this.restore())) return null;
    const before = this.#session;
    const response = await this.fetch(`${this.#base}/me`);
    if (response.status === 401) return null;
    if (!response.ok) throw await AuthError.of(response);
    const user = await readAnswer(response, PROFILE);
    // A log-in meanwhile may be somebody else's.
    if (!before || before === this.#session) {
      this.#user = user;
      this.dispatchEvent(new Event("changed"));
    }
    return user;
  }

  async logout({ everywhere = false } = {}) {
    if (everywhere) {
      const response = await this.fetch(`${this.#base}/logout/all`, { method: "POST" });
      if (!isLoggedOut(response)) throw await AuthError.of(response);
    } else {
      await this.#alone(() => this.#logOut());
    }
    await this.#end("logout");
  }

  factors() {
    return this.#ask("me/factors", { method: "GET", expected: LIST });
  }

  addTotp(name) {
    return this.#ask("me/totp", { body: { name }, expected: { ...FACTOR, otpauth_uri: "string" } });
  }

  async confirmTotp(id, code) {
    return (await this.#ask("me/totp/confirm", { body: { id, code }, expected: CODES })).recovery_codes;
  }

  async recoveryCodes() {
    return (await this.#ask("me/recovery-codes", { expected: CODES })).recovery_codes;
  }

  async addPasskey(name) {
    const asked = await this.#ask("me/passkeys/options", { expected: CHALLENGE });
    const body = { ...(await makePasskey(this.#options.passkeys, asked)), name };
    return this.#ask("me/passkeys", { body, expected: FACTOR });
  }

  addIdentity({ provider, idToken, nonce }) {
    const body = { provider, id_token: idToken, nonce };
    return this.#ask("me/identities", { body, expected: FACTOR });
  }

  renameFactor(id, name) {
    return this.#ask(`me/factors/${id}`, { method: "PATCH", body: { name }, expected: FACTOR });
  }

  async removeFactor(id) {
    await this.#ask(`me/factors/${id}`, { method: "DELETE" });
  }

  async fetch(input, init) {
    const isAddress = typeof input === "string" && !globalThis.location;
    const request = new Request(isAddress ? absolute(input, this.#base) : input, init);
    const resource = resourceOf(request.url, this.#options.resources, this.#base);
    if (!resource && !this.#mayHaveCredential(request)) return fetch(request);
    for (let left = 2; ; left--) {
      await this.#makeReady(resource);
      const session = this.#session;
      const response = await this.#sendRenewed(request, resource);
      // A refresh makes no log-in new. A code alone may be too little: then once more.
      const wanted = left && wantedLogIn(response);
      if (!wanted || !(await this.#stepUp(wanted, session))) return response;
    }
  }

  close() {
    this.#channel?.close();
    this.#channel = undefined;
  }

  // A factor that is asked for ------------------------------------------------------------------

  /** Whether the log-in is a new one since `session`: the page is asked once for all requests. */
  async #stepUp(wanted, session) {
    if (this.#session !== session) return true;
    if (!this.onStepUp) return false;
    this.#steppingUp ??= askThePage(this, wanted).finally(() => (this.#steppingUp = null));
    return this.#steppingUp;
  }

  /** What authapi takes, of what a page says. A passkey is asked for, with options of `path`. */
  async #proofOf({ password, totpCode, recoveryCode, passkey }, path, body) {
    const ask = () => this.#ask(path, { body, expected: CHALLENGE });
    const answer = passkey && (await usePasskey(this.#options.passkeys, ask));
    return { password, totp_code: totpCode, recovery_code: recoveryCode, passkey: answer || undefined };
  }

  // The session -------------------------------------------------------------------------------

  /** Log in, by what the body says. */
  async #begin(path, body, { transport, user }) {
    if ((transport === "bearer") !== this.#isBearer) {
      throw new TypeError("A client is made for bearer, or for the transports with cookies.");
    }
    this.#demandTokens(transport);
    return this.#alone(async () => {
      const response = await this.#call(path, { body, expected: this.#tokens });
      if (!response.ok) throw this.#remember(await AuthError.of(response), { transport, user });
      return this.#start(response.answer, transport, user);
    });
  }

  /** The error. If the log-in goes on by `continueLogin`, as what. */
  #remember(error, as) {
    const { authSession } = error;
    if (authSession) this.#waiting = { ...as, authSession };
    return error;
  }

  /** Whether there is a session now. One at a time in this page, then one in this browser. */
  #renew(stale, resource) {
    const running = this.#renewing.get(resource);
    if (running) return running;
    const renew = () => this.#alone(() => this.#renewAlone(stale, resource));
    const renewing = this.#renewed.then(renew).finally(() => this.#renewing.delete(resource));
    this.#renewed = renewing.catch(() => undefined);
    this.#renewing.set(resource, renewing);
    return renewing;
  }

  async #renewAlone(stale, resource) {
    // Another tab's refresh was told to us while we waited.
    const held = this.#heldFor(resource);
    if (held && held !== stale) return true;
    if (this.#isBearer) return this.#refresh(resource);
    // A browser shows each 401 in its console, also the one of a first visit.
    if (!this.#held && !this.#options.alwaysAsk && (await this.#keeping.isBlank())) return false;
    if (!this.#csrf && !(await this.#fetchCsrfToken())) return this.#end("refused");
    const transport = (await this.#keeping.read())?.transport ?? this.#options.transport;
    if (resource) this.#demandTokens(transport);
    return transport === "session" ? this.#lookUp() : this.#refresh(resource);
  }

  /** docs/refresh.md. Without a lock another tab may have changed what is kept meanwhile. */
  async #refresh(resource) {
    const { transport } = this.#options;
    for (let attempt = 1; ; attempt++) {
      let kept = await this.#keeping.read();
      if (!kept && this.#isBearer) return this.#end("refused");
      kept ??= await this.#keeping.write({ key: newKey(), transport });
      const { refresh_token } = kept;
      const headers = { "Idempotency-Key": kept.key };
      const body = (refresh_token || resource) && { refresh_token, resource };
      const response = await this.#call("refresh", { headers, body, expected: this.#tokens });
      const now = await this.#keeping.read();
      const isLast = attempt >= ATTEMPTS;
      const mayGoOn = this.#isBearer || !isLast; // with what is kept now
      if (response.ok) {
        // Another log-in, or a log-out: what was sent is not the session's token any more.
        if (now?.session_id !== kept.session_id && mayGoOn) continue;
        const transport = await this.#takeRefreshed(response.answer, kept, now ?? kept);
        if (resource) this.#demandTokens(transport);
        this.#accept(response.answer, { transport, resource });
        return true;
      }
      if (response.status === 401) {
        // It may have been another tab's cookie that came too late.
        if (now?.key !== kept.key && mayGoOn) continue;
        return this.#giveUp();
      }
      const error = await AuthError.of(response);
      const isOfTheKey = response.status === 400 && error.code !== "invalid_target";
      const isMended = isOfTheKey || (response.status === 403 && !this.#isBearer);
      if (!isMended || isLast) throw error;
      // A key that was made just now was not used before: this session can't be refreshed.
      if (response.status === 400 && !kept.session_id) return this.#lookUp();
      // 400: the key was used, its answer was lost. 403: the session is another tab's new one.
      if (response.status === 403) await this.#fetchCsrfToken();
      else if (now?.key === kept.key) await this.#keeping.write({ ...kept, key: newKey() });
    }
  }

  /** Replace what is kept, if it is still what was sent. The transport of the answer. */
  async #takeRefreshed(answer, sent, now) {
    const transport = this.#isBearer ? "bearer" : answer.access_token ? "hybrid" : "cookie";
    const isUsedUp = answer.rotated !== false && now.key === sent.key;
    const next = isUsedUp ? { key: newKey(), refresh_token: answer.refresh_token } : now;
    const { key, refresh_token } = next;
    await this.#keeping.write({ key, transport, session_id: answer.session_id, refresh_token });
    return transport;
  }

  /** Transport `session` has nothing to refresh: ask whether it is still there. */
  async #lookUp() {
    const response = await this.#call("me", { method: "GET", expected: PROFILE });
    if (response.status === 401) return this.#giveUp();
    if (!response.ok) throw await AuthError.of(response);
    const { session_id = "", key = newKey() } = (await this.#keeping.read()) ?? {};
    await this.#keeping.write({ key, transport: "session", session_id });
    if (!this.#held) this.#hold({ session_id, csrf_token: this.#csrf, transport: "session" });
    return true;
  }

  /** What is held is refused. If a thief was faster, a log-out with it cuts him off. */
  async #giveUp() {
    await this.#logOut().catch(() => undefined);
    return this.#end("refused");
  }

  async #logOut() {
    const { refresh_token } = (this.#isBearer && (await this.#keeping.read())) || {};
    const isKnown = this.#csrf || refresh_token;
    if (!isKnown && (this.#isBearer || !(await this.#fetchCsrfToken()))) return;
    const body = refresh_token && { refresh_token };
    let response = await this.#call("logout", { body });
    // The token was of a session that another tab has replaced.
    const isOther = response.status === 403 && !body && (await this.#fetchCsrfToken());
    if (isOther) response = await this.#call("logout");
    if (!isLoggedOut(response)) throw await AuthError.of(response);
  }

  /** The session in this one's place is the same person's. */
  async #replace(path, body) {
    const transport = this.#held?.transport ?? this.#options.transport;
    const answer = await this.#ask(path, { body, expected: this.#tokens }).catch((error) => {
      throw this.#remember(error, { transport, user: this.#user });
    });
    return this.#alone(() => this.#start(answer, transport, this.#user));
  }

  async #start(answer, transport, user) {
    const { session_id, refresh_token } = answer;
    this.#waiting = null;
    await this.#keeping.write({ key: newKey(), transport, session_id, refresh_token });
    this.#accept(answer, { transport, user });
    return this.#session;
  }

  #accept({ access_token, expires_in, csrf_token, session_id }, { transport, user, resource }) {
    const held = { access_token, expires_in, csrf_token, session_id, transport, at: Date.now() };
    // A release that knows no resources would take `held` for its own.
    this.#tell(resource ? { other: held, resource } : { held });
    if (resource) this.#holdOther(held, resource);
    else this.#hold(held, user);
  }

  #holdOther(held, resource) {
    // The session of another tab's log-in, or the first that we hear of it: the token for authapi
    // is still to be asked for.
    if (this.#held?.session_id !== held.session_id) {
      this.#hold({ ...held, access_token: undefined, at: 0 });
    }
    this.#others.set(resource, held);
  }

  #hold(held, user = null) {
    const { session_id, transport, csrf_token } = held;
    const isNew = this.#held?.session_id !== session_id;
    this.#held = held;
    this.#csrf = csrf_token;
    if (!isNew) return;
    this.#others.clear();
    this.#session = Object.freeze({ session_id, transport });
    this.#user = user;
    this.#announce("started", this.#session);
  }

  async #end(reason) {
    const ended = this.#held?.session_id;
    const isRemoved = this.#keeping.clear();
    this.#forget(reason);
    if (ended) this.#tell({ ended, reason });
    await isRemoved;
    return false;
  }

  #forget(reason) {
    const wasHeld = this.#held;
    this.#held = this.#session = this.#user = null;
    this.#others.clear();
    this.#csrf = undefined;
    if (wasHeld) this.#announce("ended", { reason });
  }

  #announce(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
    this.dispatchEvent(new Event("changed"));
  }

  #listen() {
    try {
      this.#channel = this.#openChannel();
      if (this.#channel) this.#channel.onmessage = ({ data }) => this.#hear(data ?? {});
    } catch {
      // Other tabs are told nothing, and learn it from their next request.
    }
  }

  /** Tabs share a session by its cookies. Other clients, in one process too, share nothing. */
  #openChannel() {
    const hasTabs = globalThis.location && !this.#isBearer;
    return hasTabs ? new BroadcastChannel(this.#name) : undefined;
  }

  /** Tell the other tabs, after `close` too. */
  #tell(message) {
    try {
      const channel = this.#channel ?? this.#openChannel();
      channel?.postMessage(message);
      if (channel !== this.#channel) channel.close();
    } catch {
      // As in #listen.
    }
  }

  /** What another tab tells. */
  #hear({ held, other, resource, ended, reason }) {
    if (held && held.at >= (this.#held?.at ?? 0)) this.#hold(held);
    if (other && other.session_id === this.#held?.session_id) this.#others.set(resource, other);
    if (ended && ended === this.#held?.session_id) this.#forget(reason);
  }

  // The wire ----------------------------------------------------------------------------------

  /** Resolved late: on a server that renders there is no page, and nobody to ask for. */
  get #base() {
    return new URL(this.#options.baseUrl, globalThis.location?.href).href.replace(/\/$/, "");
  }

  /** What is held for a service, or for authapi itself. */
  #heldFor(resource) {
    return resource ? this.#others.get(resource) : this.#held;
  }

  /** A cookie goes to authapi's origin alone, and is for authapi alone. */
  #demandTokens(transport) {
    const isAsked = Object.keys(this.#options.resources).length > 0;
    if (!isAsked || WITH_TOKENS.includes(transport)) return;
    throw new TypeError(`The transport ${transport} has no tokens for resources: use hybrid.`);
  }

  get #tokens() {
    return this.#isBearer ? BEARER_TOKENS : TOKENS;
  }

  /** Whoever else is asked through us gets none. */
  #mayHaveCredential(request) {
    const own = [new URL(this.#base).origin, globalThis.location?.origin];
    return [...own, ...this.#options.origins].includes(new URL(request.url).origin);
  }

  /** Refresh what is held, if it is almost over. */
  async #makeReady(resource) {
    if (!this.#held || !isAlmostOver(this.#heldFor(resource))) return;
    await this.#renew(this.#heldFor(resource), resource).catch((error) => {
      if (isAlmostOver(this.#heldFor(resource), 0)) throw error; // else it is good until then
    });
  }

  /** Send, and once more with another token if this one is refused. */
  async #sendRenewed(request, resource) {
    const held = this.#heldFor(resource);
    const response = await this.#send(request, resource);
    if (response.status !== 401 || wantedLogIn(response)) return response;
    return (await this.#renew(held, resource)) ? this.#send(request, resource) : response;
  }

  #send(request, resource) {
    const headers = new Headers(request.headers);
    const token = this.#heldFor(resource)?.access_token;
    if (token) headers.set("Authorization", `Bearer ${token}`);
    else if (!resource && this.#csrf && !SAFE.includes(request.method)) headers.set("X-CSRF-Token", this.#csrf);
    const hasCookie = !token && !resource && !this.#isBearer;
    const credentials = hasCookie ? "include" : request.credentials;
    const send = () => fetch(new Request(request.clone(), { headers, credentials }));
    return patiently(send, { afterRefusal: IDEMPOTENT.includes(request.method) });
  }

  /** What authapi answers to a request with the credential. */
  async #ask(path, { method = "POST", body, expected } = {}) {
    const headers = body && { "Content-Type": "application/json" };
    const init = { method, headers, body: body && JSON.stringify(body), redirect: "error" };
    const response = await this.fetch(`${this.#base}/${path}`, init);
    if (!response.ok) throw await AuthError.of(response);
    return expected && readAnswer(response, expected);
  }

  /** The response. A success has, as `answer`, a body with the expected members. */
  #call(path, { method = "POST", headers, body, expected } = {}) {
    const ask = () => fetch(`${this.#base}/${path}`, {
      method,
      credentials: this.#isBearer ? "omit" : "include",
      cache: "no-store",
      redirect: "error", // a 307 or 308 would carry the password on, to another host too
      headers: {
        ...headers,
        ...(body && { "Content-Type": "application/json" }),
        ...(this.#csrf && method !== "GET" && { "X-CSRF-Token": this.#csrf }),
      },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout?.(TIMEOUT), // React Native has none, and limits of its own
    });
    const send = async () => {
      const response = await ask();
      if (response.ok && expected) response.answer = await readAnswer(response, expected);
      return response;
    };
    const isRepeated = !SENT_ONCE.includes(path);
    return patiently(send, { afterRefusal: isRepeated, afterLoss: isRepeated });
  }

  /** Whether the cookies name a session, in force or not. */
  async #fetchCsrfToken() {
    const response = await this.#call("csrf", { method: "GET", expected: CSRF_TOKEN });
    if (!response.ok && response.status !== 401) throw await AuthError.of(response);
    this.#csrf = response.answer?.csrf_token;
    return response.ok;
  }

  // What the tabs share, or what an app keeps ---------------------------------------------------

  /** An app's has only letters that the key stores of telephones take. */
  get #name() {
    return this.#isBearer ? `authapi.${this.#base.replace(/\W+/g, "_")}` : `authapi ${this.#base}`;
  }

  async #alone(work) {
    if (!globalThis.location) return work(); // no page: nobody shares with us
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
}

/** Timed from receipt: a token's `exp` is of another clock. One that we don't hold is over. */
function isAlmostOver(held, early = EARLY) {
  if (!held) return true;
  const { transport, at, expires_in } = held;
  if (transport === "session") return false;
  const age = (Date.now() - at) / 1000;
  return age < 0 || age > expires_in - Math.min(early, expires_in / 5);
}
