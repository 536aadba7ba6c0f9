/** Passkeys: by the browser's own JSON (WebAuthn level 3), or by what an app brings along. */

const RENEWED_AFTER = 240_000; // milliseconds; a challenge lasts for five minutes
const BYTES = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
const STALE = new Error("The challenge is almost over.");

let pending; // a browser has one request at a time, and the next one takes its place

/** What a browser does. An app has functions of its own: options in, the credential's JSON out. */
export const browserPasskeys = {
  async get(options, { mediation, signal }) {
    const parse = available().parseRequestOptionsFromJSON ?? withBytes;
    const publicKey = parse.call(PublicKeyCredential, options);
    return asJson(await navigator.credentials.get({ publicKey, mediation, signal }));
  },

  async create(options, { signal }) {
    const parse = available().parseCreationOptionsFromJSON ?? withBytes;
    const publicKey = parse.call(PublicKeyCredential, options);
    return asJson(await navigator.credentials.create({ publicKey, signal }));
  },
};

/** Whether the browser can offer passkeys in the list of a form's field. */
export async function canAutofill() {
  return (await globalThis.PublicKeyCredential?.isConditionalMediationAvailable?.()) ?? false;
}

/**
 * `challenge_id` and `credential`. `ask` gets options from authapi; while a conditional request waits
 * for the person, it gets new ones in time.
 */
export async function usePasskey(passkeys, ask, { conditional, signal } = {}) {
  const mediation = conditional ? "conditional" : "optional";
  for (;;) {
    const request = takePlace(signal);
    const { challenge_id, options } = await ask();
    const timer = conditional && setTimeout(() => request.abort(STALE), RENEWED_AFTER);
    try {
      const credential = await passkeys.get(options, { mediation, signal: request.signal });
      return { challenge_id, credential };
    } catch (error) {
      if (request.signal.reason !== STALE) throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

export async function makePasskey(passkeys, { challenge_id, options }) {
  return { challenge_id, credential: await passkeys.create(options, { signal: takePlace().signal }) };
}

function takePlace(signal) {
  pending?.abort();
  const request = (pending = new AbortController());
  if (signal?.aborted) request.abort(signal.reason);
  signal?.addEventListener("abort", () => request.abort(signal.reason), { once: true });
  return request;
}

function available() {
  const { PublicKeyCredential } = globalThis;
  if (!PublicKeyCredential) throw new TypeError("There are no passkeys here. A page needs https, or localhost.");
  return PublicKeyCredential;
}

// For browsers without the methods for JSON ------------------------------------------------------

function withBytes({ user, allowCredentials, excludeCredentials, ...options }) {
  const decode = (list) => list?.map((one) => ({ ...one, id: bytesOf(one.id) }));
  return {
    ...options,
    challenge: bytesOf(options.challenge),
    ...(user && { user: { ...user, id: bytesOf(user.id) } }),
    ...(allowCredentials && { allowCredentials: decode(allowCredentials) }),
    ...(excludeCredentials && { excludeCredentials: decode(excludeCredentials) }),
  };
}

function asJson(credential) {
  if (credential.toJSON) return credential.toJSON();
  const { id, type, response, authenticatorAttachment } = credential;
  const there = BYTES.filter((name) => response[name]);
  const encoded = Object.fromEntries(there.map((name) => [name, textOf(response[name])]));
  if (response.getTransports) encoded.transports = response.getTransports();
  return {
    ...{ id, rawId: id, type, authenticatorAttachment, response: encoded },
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

function bytesOf(text) {
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function textOf(bytes) {
  const base64 = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
