import { AuthClient, AuthError } from "./auth/client.js";

const auth = new AuthClient({ baseUrl: "/auth" });
const at = (id) => document.getElementById(id);
const login = at("login");
let profile = null;
const views = [login, at("forgot"), at("reset"), at("verify"), at("account")];

// What is shown follows the session, whichever tab began or ended it. What is being typed stays.
const isBusy = () => !at("reset").hidden || !at("verify").hidden;
auth.addEventListener("started", () => isBusy() || showAccount());
auth.addEventListener("ended", ({ detail }) => {
  if (isBusy()) return;
  const wasHere = detail.reason === "logout";
  showLogin(wasHere ? "You are logged out." : "Your session has ended. Please log in again.");
});

onSubmit(login, async ({ email, password, transport }, button) => {
  if (button === "register" && (await post("register", { email, password })) === 202) {
    return say("A mail is on its way. Open its link, then log in."); // AUTHAPI_REGISTRATION_CONFIRMS_EMAIL
  }
  await auth.login({ email, password, transport });
  login.reset();
});
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
at("resend").addEventListener("click", () => attempt(async () => {
  await post("email/verify/resend", { email: profile.email });
  say("A new mail is on its way. The link and the code of the one before no longer work.");
}));
for (const button of document.querySelectorAll(".opens-forgot")) {
  button.addEventListener("click", () => show(at("forgot")));
}
at("logout").addEventListener("click", () => attempt(() => auth.logout()));
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

/** Do `work` with what was typed, once at a time. */
function onSubmit(form, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    form.inert = true;
    const isDone = await attempt(
      () => work(Object.fromEntries(new FormData(form)), event.submitter?.value),
      form.querySelector(".problem"),
    );
    form.inert = false;
    if (!isDone) event.submitter?.focus();
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
    [profile] = await Promise.all([get("me"), showDevices()]);
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
    if (!response.ok && response.status !== 401) throw await AuthError.of(response);
    await showDevices();
    if (!auth.session) return;
    at("devices-title").focus(); // the button is gone
    at("notice").textContent = "Signed out.";
  });
}

function showLogin(notice = "") {
  show(login);
  say(notice);
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

function say(sentence) {
  at("notice").textContent = sentence;
}

/** What goes wrong is told to the person. Whether it went well. */
async function attempt(work, place = at("notice")) {
  place.textContent = at("notice").textContent = "";
  try {
    await work();
    return true;
  } catch (error) {
    complain(error, place);
    return false;
  }
}

function complain(error, place = at("notice")) {
  const known = { invalid_credentials: "The e-mail address or the password is wrong." };
  const [wrong] = error.errors ?? [];
  place.textContent = error instanceof AuthError ? (known[error.code] ?? wrong?.msg ?? error.message)
    : "The server can't be reached. Try again soon.";
}

function deviceOf(agent) {
  const find = (names) => names.find((name) => agent.includes(name));
  const browser = find(["Edg", "Firefox", "Chrome", "Safari", "curl"]) ?? "A device";
  const system = find(["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"]);
  return system ? `${browser} on ${system}` : browser;
}

function day(text) {
  return new Date(text).toLocaleDateString(undefined, { dateStyle: "long" });
}

function time(text) {
  return new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
