/** What authapi answers: what is believed, what is an error, and what is asked for again. */

export const ATTEMPTS = 3;
const LONGEST_WAIT = 10; // seconds; a longer Retry-After is the page's to show

export class AuthError extends Error {
  constructor(response, { error = "server_error", error_description, errors = [], ...rest }) {
    super(error_description ?? `authapi answered ${response.status}`);
    Object.assign(this, { name: "AuthError", status: response.status, code: error, errors });
    this.retryAfter = retryAfter(response);
    this.authSession = rest.auth_session;
    this.methods = rest.methods ?? [];
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

export async function readAnswer(response, expected) {
  const answer = parse(await response.text()); // rejects where the rest of it was lost
  const has = ([name, type]) => typeof answer?.[name] === type;
  if (!Object.entries(expected).every(has)) throw AuthError.odd(response);
  return answer;
}

export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** RFC 9470: the token is good, and its log-in too old or too weak. What is wanted, or null. */
export function wantedLogIn(response) {
  const challenge = response.headers.get("WWW-Authenticate") ?? "";
  const isAsked = challenge.includes("insufficient_user_authentication");
  if (response.status !== 401 || !isAsked) return null;
  const [, age] = /max_age="(\d+)"/.exec(challenge) ?? [];
  const [, acr] = /acr_values="([^"]*)"/.exec(challenge) ?? [];
  return { maxAge: age && Number(age), acr };
}

/** Whether there is no session any more. Only 204 and 401 say so, and not a 401 that wants a fresh log-in. */
export function isLoggedOut(response) {
  if (response.ok && response.status !== 204) throw AuthError.odd(response);
  return response.ok || (response.status === 401 && !wantedLogIn(response));
}

/** Send again, a few times, what was refused for a moment (429, 503) or whose answer was lost. */
export async function patiently(send, { afterRefusal = false, afterLoss = false }) {
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
