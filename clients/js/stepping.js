/** Step-up (RFC 9470): the page asks the person for a factor, and the log-in is fresh again. */

const MOST_ASKED = 8; // times, for wrong factors and the second of two
const METHODS = { totp: "totp", recovery_codes: "recovery_code", passkey: "passkey" };

/**
 * Whether there is a fresh log-in now. `auth.onStepUp` gives what `auth.reauth` takes, or nothing to
 * give up. It is asked again for a second factor, and where one was wrong, with the `error`.
 */
export async function askThePage(auth, wanted) {
  const all = await methodsOf(auth);
  let [methods, authSession, error] = [all];
  for (let left = MOST_ASKED; ; left--) {
    const proof = await auth.onStepUp({ ...wanted, methods, error });
    if (!proof) return false;
    try {
      await (authSession ? auth.continueLogin({ ...proof, authSession }) : auth.reauth(proof));
      return true;
    } catch (failed) {
      if (!auth.session || left === 1) throw failed;
      error = failed.authSession ? undefined : failed; // the first of two was right
      if (failed.authSession) ({ authSession, methods } = failed);
      if (failed.code === "invalid_session") [methods, authSession] = [all]; // five wrong, or five minutes
    }
  }
}

async function methodsOf(auth) {
  const kinds = (await auth.factors()).map(({ kind }) => kind);
  const there = Object.entries(METHODS).filter(([kind]) => kinds.includes(kind));
  return ["password", ...there.map(([, method]) => method)];
}
