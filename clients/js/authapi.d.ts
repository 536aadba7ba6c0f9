/** How credentials travel: docs/transports.md of authapi. */
export type CookieTransport = "hybrid" | "cookie" | "session";
export type Transport = CookieTransport | "bearer";

export interface Session {
  readonly session_id: string;
  readonly transport: Transport;
}

/** As `GET /me` answers it. */
export interface User {
  readonly id: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly username: string | null;
  readonly scopes: readonly string[];
  readonly created_at: string;
}

/** A member of what `GET /sessions` answers: a device that is logged in. */
export interface SessionInfo {
  readonly id: string;
  /** Whether it is the session of the request. End this one by `logout`. */
  readonly current: boolean;
  readonly transport: Transport;
  readonly created_at: string;
  readonly last_used_at: string;
  readonly expires_at: string;
  readonly user_agent: string | null;
  readonly ip: string | null;
}

/** How somebody can prove who they are: in `reauth`, or after a log-in's first factor. */
export type Method = "password" | "totp" | "recovery_code" | "passkey";

/** A second factor. For a passkey the client asks the browser, or the app's `passkeys`. */
export type SecondFactor = { totpCode: string } | { recoveryCode: string } | { passkey: true };
export type Proof = { password: string } | SecondFactor;

/** A member of what `GET /me/factors` answers. */
export interface Factor {
  readonly id: string;
  readonly kind: "totp" | "passkey" | "recovery_codes" | "identity";
  readonly name: string | null;
  readonly created_at: string;
  readonly last_used_at: string | null;
  /** Of recovery codes: those that were not used. */
  readonly remaining?: number | null;
  /** Of an identity. */
  readonly provider?: string | null;
  /** Of a passkey: it can be copied to other devices, and it was. */
  readonly backup_eligible?: boolean | null;
  readonly backed_up?: boolean | null;
}

/** For an authenticator app: `secret` to type, `otpauth_uri` as a link or a QR code. */
export interface NewTotp {
  readonly id: string;
  readonly secret: string;
  readonly otpauth_uri: string;
}

/** Of another provider: Google's button, Apple's sheet. `nonce`: the one that they were given. */
export interface IdToken {
  provider: string;
  idToken: string;
  nonce?: string;
}

/** What a request needs: a log-in of at most `maxAge` seconds, and of the level `acr`. */
export interface StepUp {
  readonly maxAge?: number;
  /** "aal2": with a second factor. */
  readonly acr?: string;
  /** What to ask for: one of these. */
  readonly methods: readonly Method[];
  /** Why the one before was refused: mostly an AuthError. */
  readonly error?: any;
}

/**
 * For apps: what asks the telephone for a passkey. It is given the options of WebAuthn as JSON, and
 * returns the credential as JSON.
 */
export interface Passkeys {
  get(options: any): Promise<any>;
  create(options: any): Promise<any>;
}

/**
 * Where an app keeps the refresh token: Keychain, Keystore, a file of mode 600. `get` gives what
 * `set` was given, or null. `set` is done when the value would survive a crash. Each may be async.
 * A `get` that fails ends no session. What `set` did not take is held in memory, and tried again.
 * `name` is made of `baseUrl`, and has letters, digits, dots and underscores only: it suits a file.
 */
export interface TokenStorage {
  get(name: string): MaybePromise<string | null | undefined>;
  set(name: string, value: string): MaybePromise<unknown>;
  remove(name: string): MaybePromise<unknown>;
}
type MaybePromise<T> = T | Promise<T>;

export interface Options {
  /**
   * Where authapi is: a path of this site ("/auth") or another origin's URL. Default: "/".
   * Where there is no page (React Native, Node) it has to be a URL.
   */
  baseUrl?: string;
  /** "bearer" is for apps. The others may be chosen again at each log-in. Default: "hybrid". */
  transport?: Transport;
  /** Other origins that get the credential, beside this page's and authapi's: your APIs. */
  origins?: readonly string[];
  /**
   * Who gets a token of its own: the start of its URLs, and its name in AUTHAPI_AUDIENCES, such as
   * { "https://api.example": "reports", "/api/": "billing" }. The longest start counts, and
   * authapi's own URLs get the token for authapi. For "hybrid" and "bearer" alone: TypeError.
   */
  resources?: Readonly<Record<string, string>>;
  /** For "bearer" alone. Without one the session ends with the process or the page. */
  storage?: TokenStorage;
  /**
   * Ask authapi for a session though this browser remembers no log-in by this client: for pages
   * whose log-in is made by a server or by another client. A first visit then has a 401 in the
   * browser's console. Default: false.
   */
  alwaysAsk?: boolean;
  /** As the member `onStepUp`. */
  onStepUp?: AuthClient["onStepUp"];
  /** Where there is no browser. Default: the browser's. */
  passkeys?: Passkeys;
}

export interface LoginOptions {
  /** Not on a "bearer" client: TypeError. */
  transport?: Transport;
  /** false: the session ends with the browser, and after a day unused. Default: true. */
  remember?: boolean;
}
export type Credentials = ({ email: string } | { username: string }) & {
  password: string;
} & LoginOptions;

export interface PasskeyOptions extends LoginOptions {
  /**
   * Offer passkeys in the list of a form's field, `autocomplete="username webauthn"`, for as long as
   * the page is open.
   */
  conditional?: boolean;
  /** Abort it: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

export interface NewAccount {
  email: string;
  password: string;
  username?: string;
  /** The language of mails. Default: the browser's. */
  locale?: string;
}

/** `refused`: it ran out, was ended on another device, or its token was used by somebody else. */
export type EndReason = "logout" | "refused";

export interface AuthClientEvents {
  started: AuthEvent<Session>;
  ended: AuthEvent<{ reason: EndReason }>;
  /** `session` or `user` is another one now. */
  changed: PlatformEvent;
}

// Pages and Node have types for events. React Native has none: there these are all there is.
type PlatformEvent = Of<"Event", { readonly type: string }>;
type AuthEvent<Detail> = Omit<Of<"CustomEvent", PlatformEvent>, "detail"> & {
  readonly detail: Detail;
};
type Of<Name extends string, Otherwise> = typeof globalThis extends {
  [name in Name]: { prototype: infer Instance };
}
  ? Instance
  : Otherwise;
interface Listening {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: AbortSignal;
}
interface PlainTarget {
  addEventListener(type: string, listener: Listener | null, options?: boolean | Listening): void;
  removeEventListener(type: string, listener: Listener | null, options?: boolean | Listening): void;
  dispatchEvent(event: any): boolean;
}
type Listener = (event: any) => void;
declare const Target: typeof globalThis extends { EventTarget: infer Constructor }
  ? Constructor
  : new () => PlainTarget;
type Listen = InstanceType<typeof Target>;

/** An answer that is no success. */
export declare class AuthError extends Error {
  readonly status: number;
  /**
   * The `error` of authapi's body: "invalid_credentials", "rate_limited", ... Without one:
   * "invalid_response" for a success that is none of authapi's, else "server_error".
   */
  readonly code: string;
  /** What a 422 says of each field; else empty. `loc` is as ["body", "email"]. */
  readonly errors: readonly { loc: (string | number)[]; msg: string; type: string }[];
  /** Seconds, where a 429 or 503 named them. */
  readonly retryAfter: number | undefined;
  /** Of "insufficient_authorization": the log-in that `continueLogin` goes on with. */
  readonly authSession: string | undefined;
  /** Of the same: the second factors of the account. Else empty. */
  readonly methods: readonly Method[];

  /** Of a response that `fetch` returned. It reads the body. */
  static of(response: Response): Promise<AuthError>;
}

export declare class AuthClient extends Target {
  /** Asks nothing and touches no page, so that a server that renders may do it too. */
  constructor(options?: Options);

  /** The session that this page knows of: the same object until there is another one, or none. */
  readonly session: Session | null;

  /** What `loadUser` answered last in this session: the same object until then. */
  readonly user: User | null;

  /** Make an account; it logs nobody in. null: a mail says how to go on. Throws AuthError. */
  register(account: NewAccount): Promise<User | null>;

  /**
   * A new session; the one before is ended. Throws AuthError. Where the account has a second factor,
   * its `code` is "insufficient_authorization": go on by `continueLogin`.
   */
  login(credentials: Credentials): Promise<Session>;

  /**
   * The second factor, for five minutes after the first one. `authSession`: the error's; default: the
   * last one. Throws AuthError: "invalid_code", or "invalid_session" after five wrong ones.
   */
  continueLogin(proof: SecondFactor & { authSession?: string }): Promise<Session>;

  /**
   * Log in by a passkey, without a name. Throws AuthError, or the browser's DOMException: a
   * NotAllowedError where the person cancels. Another request for a passkey aborts this one.
   */
  loginWithPasskey(options?: PasskeyOptions & { conditional?: false }): Promise<Session>;
  /** null: this browser can't offer passkeys in a form. */
  loginWithPasskey(options?: PasskeyOptions): Promise<Session | null>;

  /** Log in by another provider's ID token. Throws AuthError, as `login` for a second factor. */
  loginWithIdToken(token: IdToken & LoginOptions): Promise<Session>;

  /**
   * After a 401 `insufficient_user_authentication`: prove again who you are. A new session of the
   * same user replaces this one, in all tabs. Throws AuthError: 403 "invalid_credentials", 400
   * "invalid_code", and "insufficient_authorization" as `login`.
   */
  reauth(proof: Proof): Promise<Session>;

  /**
   * Ask the person for one of `methods`, and return it; null: they don't want to. The client calls
   * it where a request needs a fresh or stronger log-in, once for all requests that wait; it proves
   * what comes by `reauth`, and sends them again. After a wrong factor it is called again with
   * `error`. Without it, the 401 is the page's.
   */
  onStepUp?: ((wanted: StepUp) => Promise<Proof | null | undefined>) | undefined;

  /** The factors in force. Throws AuthError, as all of these. */
  factors(): Promise<Factor[]>;

  /** Begin with an authenticator app. It is in force when `confirmTotp` had a code of it. */
  addTotp(name?: string): Promise<NewTotp>;

  /** The recovery codes: ten with the first second factor, else none. Show them once. */
  confirmTotp(id: string, code: string): Promise<string[]>;

  /** New recovery codes. The older ones end. */
  recoveryCodes(): Promise<string[]>;

  /** Let the browser make a passkey. It throws a DOMException too: see `loginWithPasskey`. */
  addPasskey(name?: string): Promise<Factor>;

  /** Link an account at another provider: `loginWithIdToken` logs in to this one from then on. */
  addIdentity(token: IdToken): Promise<Factor>;

  /** null takes the name away. */
  renameFactor(id: string, name: string | null): Promise<Factor>;

  /** AuthError "last_way_in": add another one first. */
  removeFactor(id: string): Promise<void>;

  /**
   * Change the password. Every session of the user ends, and this page and its tabs hold a new one.
   * Throws AuthError.
   */
  changePassword(passwords: { current_password: string; new_password: string }): Promise<Session>;

  /**
   * After a reload: the session that is kept, or null. Throws where nobody can tell. A browser that
   * remembers no log-in asks nobody: see `alwaysAsk`.
   */
  restore(): Promise<Session | null>;

  /**
   * Ask for the profile, and hold it as `user`. null: there is no session. As `restore`, it asks
   * nobody where none is remembered. Throws AuthError.
   */
  loadUser(): Promise<User | null>;

  /** End the session, or all of the user's. Throws where it may live on. */
  logout(options?: { everywhere?: boolean }): Promise<void>;

  /**
   * As the global `fetch`, with the credential for authapi's, the page's and the named origins, and
   * for each of `resources` its own. Where there is no page, a path counts from `baseUrl`.
   * A 401 that is returned is final: see `onStepUp`. Throws AuthError where a refresh is refused for
   * now and the token has run out.
   */
  fetch(...request: Parameters<typeof globalThis.fetch>): Promise<Response>;

  /** Stop listening to the other tabs. The client goes on working, and still tells them. */
  close(): void;

  addEventListener<K extends keyof AuthClientEvents>(
    type: K,
    listener: (event: AuthClientEvents[K]) => void,
    options?: boolean | Listening,
  ): void;
  addEventListener(...listening: Parameters<Listen["addEventListener"]>): void;

  removeEventListener<K extends keyof AuthClientEvents>(
    type: K,
    listener: (event: AuthClientEvents[K]) => void,
    options?: boolean | Listening,
  ): void;
  removeEventListener(...listening: Parameters<Listen["removeEventListener"]>): void;
}

export {}; // else the names that are ours alone would be exported too
