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
}

export type Credentials = ({ email: string } | { username: string }) & {
  password: string;
  /** Not on a "bearer" client: TypeError. */
  transport?: Transport;
  /** false: the session ends with the browser, and after a day unused. Default: true. */
  remember?: boolean;
};

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

  /** A new session; the one before is ended. Throws AuthError. */
  login(credentials: Credentials): Promise<Session>;

  /**
   * After a 401 `insufficient_user_authentication`: prove again who you are. A new session of the
   * same user replaces this one, in all tabs. Throws AuthError: 403 "invalid_credentials".
   */
  reauth(proof: { password: string }): Promise<Session>;

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
   * A 401 that is returned is final. Throws AuthError where a refresh is refused for now and the
   * token has run out.
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
