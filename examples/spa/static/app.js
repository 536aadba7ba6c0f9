import { auth } from "./auth.js";
import { AuthError } from "./auth/client.js";
import { showFactors } from "./factors.js";
import { at, attempt, complain, day, onClick, onSubmit, say, time } from "./page.js";
import { askForProof } from "./proof.js";

const login = at("login");
let autofill; // aborts the request for a passkey in the list of the e-mail field
let profile = null;
const views = [login, at("forgot"), at("reset"), at("verify"), at("account")];

// What is shown follows the session, whichever tab began or ended it. What is being typed stays.
const isBusy = () => !at("reset").hidden || !at("verify").hidden;
auth.addEventListener("started", () => {
  autofill?.abort();
  if (isBusy()) return;
  if (auth.user) attempt(showDevices); // the same person, with a fresh log-in
  else showAccount();
});
auth.addEventListener("ended", ({ detail }) => {
  if (isBusy()) return;
  const wasHere = detail.reason === "logout";
  showLogin(wasHere ? "You are logged out." : "Your session has ended. Please log in again.");
});

onSubmit(login, async ({ email, password, transport }, button) => {
  if (button === "register" && (await post("register", { email, password })) === 202) {
    return say("A mail is on its way. Open its link, then log in."); // AUTHAPI_REGISTRATION_CONFIRMS_EMAIL
  }
  await auth.login({ email, password, transport }).catch(goOn);
  login.reset();
});
onClick("by-passkey", () => logInByPasskey().finally(offerPasskeys), login.querySelector(".problem"));
login.addEventListener("change", ({ target }) => target.name === "transport" && offerPasskeys());
onSubmit(at("forgot"), async ({ email }) => {
  await post("password/forgot", { email });
  proof = {};
  useCode(true);
  show(at("reset"));
  at("reset").email.value = email;
  say("If this address has an account, a mail is on its way. Open its link, or type its code here.");
});
onSubmit(at("reset"), async (typed) => {
  await post("password/reset", { ...proof, ...typed });
  at("reset").reset();
  showLogin("Your password is changed, and all devices are logged out. Log in now.");
});
onSubmit(at("verify"), async () => {
  await post("email/verify", proof);
  await ((await auth.restore()) ? showAccount() : showLogin());
  say("Your e-mail address is verified.");
});
onSubmit(at("unverified"), async ({ code }) => {
  await post("email/verify", { email: profile.email, code });
  at("unverified").reset();
  await showAccount();
  at("profile-title").focus(); // the button is gone
  say("Your e-mail address is verified.");
});
onClick("resend", async () => {
  await post("email/verify/resend", { email: profile.email });
  say("A new mail is on its way. The link and the code of the one before no longer work.");
});
for (const button of document.querySelectorAll(".opens-forgot")) {
  button.addEventListener("click", () => show(at("forgot")));
}
onClick("logout", () => auth.logout());
at("end-others").addEventListener("click", () => endSessions(""));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && auth.session) attempt(showDevices); // was it ended meanwhile?
});

// A link of a mail opens this page at /verify or /reset. Its token stays in no history.
const token = new URLSearchParams(location.search).get("token");
const opened = { "/verify": at("verify"), "/reset": at("reset") }[location.pathname];
let proof = { token };
if (opened) history.replaceState(null, "", "/");
if (opened && token) {
  useCode(false);
  show(opened);
} else if (!(await auth.restore().catch(complain))) {
  showLogin(at("notice").textContent);
}

/** The second step of a log-in, until it is right or given up. */
async function goOn(refused) {
  const { authSession, methods } = refused;
  if (!authSession) throw refused;
  let error;
  do {
    const proof = await askForProof({ methods, error });
    if (!proof) throw refused;
    error = null;
    await auth.continueLogin({ authSession, ...proof }).catch((failed) => (error = failed));
  } while (error && error.code !== "invalid_session");
  if (error) throw error;
}

async function logInByPasskey(options) {
  try {
    if (await auth.loginWithPasskey({ transport: login.transport.value, ...options })) login.reset();
  } catch (error) {
    throw error.code === "invalid_credentials" ? new Error("This passkey opens no account here.") : error;
  }
}

/** Let the browser offer passkeys where the e-mail address is typed. */
async function offerPasskeys() {
  if (auth.session) return;
  autofill?.abort();
  autofill = new AbortController();
  const { signal } = autofill;
  await logInByPasskey({ conditional: true, signal }).catch((error) => {
    if (!(error instanceof DOMException)) complain(error, login.querySelector(".problem"));
  });
}

async function post(path, body) {
  const response = await auth.fetch(`/auth/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw await AuthError.of(response);
  return response.status;
}

/** Whether the form for a new password asks for an address and a code, or has a link's token. */
function useCode(isAsked) {
  at("by-code").disabled = at("by-code").hidden = !isAsked;
}

/** JSON of authapi, or null where the session has ended: the event has said so then. */
async function get(path) {
  const response = await auth.fetch(`/auth/${path}`);
  if (response.ok) return response.json();
  if (response.status === 401) return null;
  throw await AuthError.of(response);
}

async function showAccount() {
  await attempt(async () => {
    [profile] = await Promise.all([auth.loadUser(), showDevices(), showFactors()]);
    if (!profile || !auth.session) return;
    at("email").textContent = profile.email;
    at("since").textContent = day(profile.created_at);
    at("transport").textContent = auth.session.transport;
    at("unverified").hidden = profile.email_verified;
    show(at("account"));
  });
}

async function showDevices() {
  const sessions = (await get("sessions")) ?? [];
  const items = sessions.sort((a, b) => b.current - a.current).map((session) => {
    const item = at("device").content.cloneNode(true);
    const name = deviceOf(session.user_agent ?? "");
    const button = item.querySelector("button");
    item.querySelector("strong").textContent = name;
    item.querySelector(".badge").hidden = !session.current;
    item.querySelector("small").textContent =
      `${session.transport} · ${session.ip} · last used ${time(session.last_used_at)}`;
    button.hidden = session.current;
    button.setAttribute("aria-label", `Sign out ${name}, last used ${time(session.last_used_at)}`);
    button.addEventListener("click", () => endSessions(`/${session.id}`));
    return item;
  });
  at("devices").replaceChildren(...items);
  at("end-others").hidden = sessions.length < 2;
}

function endSessions(which) {
  return attempt(async () => {
    const response = await auth.fetch(`/auth/sessions${which}`, { method: "DELETE" });
    if (!response.ok && (response.status !== 401 || auth.session)) throw await AuthError.of(response);
    await showDevices();
    if (!auth.session) return;
    at("devices-title").focus(); // the button is gone
    at("notice").textContent = "Signed out.";
  });
}

function showLogin(notice = "") {
  show(login);
  say(notice);
  offerPasskeys();
}

/** Show one view. If it is another one, its first field or its heading gets the focus. */
function show(view) {
  const isNew = view.hidden;
  for (const one of views) one.hidden = one !== view;
  at("logout").hidden = view !== at("account");
  if (!isNew) return;
  say("");
  view.querySelector("input:enabled, h1[tabindex]").focus();
}

function deviceOf(agent) {
  const find = (names) => names.find((name) => agent.includes(name));
  const browser = find(["Edg", "Firefox", "Chrome", "Safari", "curl"]) ?? "A device";
  const system = find(["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"]);
  return system ? `${browser} on ${system}` : browser;
}
