/** How credentials travel: docs/transports.md of authapi. */
export type Transport = "hybrid" | "cookie" | "session";

export interface Session {
  session_id: string;
  transport: Transport;
}

export interface Options {
  /** Where authapi is: a path of this site ("/auth") or another origin's URL. Default: "/". */
  baseUrl?: string;
  /** For log-ins that name none. Default: "hybrid". */
  transport?: Transport;
  /** Other origins that get the credential, beside this page's and authapi's: your APIs. */
  origins?: string[];
}

export type Credentials = ({ email: string } | { username: string }) & {
  password: string;
  transport?: Transport;
  /** false: the session ends with the browser, and after a day unused. Default: true. */
  remember?: boolean;
};

/** `refused`: it ran out, was ended on another device, or its token was used by somebody else. */
export type EndReason = "logout" | "refused";

export interface AuthClientEvents {
  started: CustomEvent<Session>;
  ended: CustomEvent<{ reason: EndReason }>;
}

/** An answer that is no success. */
export declare class AuthError extends Error {
  readonly status: number;
  /**
   * The `error` of authapi's body: "invalid_credentials", "rate_limited", ... Without one:
   * "invalid_response" for a success that is none of authapi's, else "server_error".
   */
  readonly code: string;
  /** Of a 422: where each wrong field is, and a sentence that a page can show. Else empty. */
  readonly errors: { loc: (string | number)[]; msg: string; type: string }[];
  /** Seconds, where a 429 or 503 named them. */
  readonly retryAfter: number | undefined;

  /** The error of a response that is no success, as authapi's body tells it. */
  static of(response: Response): Promise<AuthError>;
}

export declare class AuthClient extends EventTarget {
  constructor(options?: Options);

  /** The session that this page knows of. */
  readonly session: Session | null;

  /** A new session; the one before is ended. Throws AuthError. */
  login(credentials: Credentials): Promise<Session>;

  /**
   * Change the password. Every session of the user ends, and this page and its tabs hold a new one.
   * Throws AuthError.
   */
  changePassword(passwords: { current_password: string; new_password: string }): Promise<Session>;

  /** After a reload: the session that the cookies hold, or null. Throws where nobody can tell. */
  restore(): Promise<Session | null>;

  /** End the session, or all of the user's. Throws where it may live on. */
  logout(options?: { everywhere?: boolean }): Promise<void>;

  /**
   * As the global `fetch`, with the credential for authapi's, the page's and the named origins.
   * A 401 that is returned is final. Throws AuthError where a refresh is refused for now and the
   * token has run out.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;

  /** Stop listening to the other tabs. The client goes on working, and still tells them. */
  close(): void;

  addEventListener<K extends keyof AuthClientEvents>(
    type: K,
    listener: (event: AuthClientEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}
