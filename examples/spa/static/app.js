import { AuthClient, AuthError } from "./auth/client.js";

const auth = new AuthClient({ baseUrl: "/auth" });
const at = (id) => document.getElementById(id);
const form = at("login");

// What is shown follows the session, whichever tab began or ended it.
auth.addEventListener("started", showAccount);
auth.addEventListener("ended", ({ detail }) => {
  const wasHere = detail.reason === "logout";
  showLogin(wasHere ? "You are logged out." : "Your session has ended. Please log in again.");
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { email, password, transport } = Object.fromEntries(new FormData(form));
  form.inert = true;
  await attempt(async () => {
    if (event.submitter?.value === "register") await register(email, password);
    await auth.login({ email, password, transport });
    form.reset();
  });
  form.inert = false;
});
at("logout").addEventListener("click", () => attempt(() => auth.logout()));
at("end-others").addEventListener("click", () => endSessions(""));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && auth.session) attempt(showDevices); // was it ended meanwhile?
});

if (!(await auth.restore().catch(complain))) showLogin(at("notice").textContent);

async function register(email, password) {
  const response = await auth.fetch("/auth/register", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  if (!response.ok) throw await AuthError.of(response);
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
    const [profile] = await Promise.all([get("me"), showDevices()]);
    if (!profile || !auth.session) return;
    at("email").textContent = profile.email;
    at("since").textContent = day(profile.created_at);
    at("transport").textContent = auth.session.transport;
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
  show(form);
  at("notice").textContent = notice;
  form.email.focus();
}

function show(view) {
  for (const one of [form, at("account")]) one.hidden = one !== view;
  at("logout").hidden = view === form;
  at("notice").textContent = "";
}

/** What goes wrong is told to the person. */
async function attempt(work) {
  at("problem").textContent = at("notice").textContent = "";
  await work().catch(complain);
}

function complain(error) {
  const known = { invalid_credentials: "The e-mail address or the password is wrong." };
  const sentence = error instanceof AuthError ? (known[error.code] ?? error.message)
    : "The server can't be reached. Try again soon.";
  at(form.hidden ? "notice" : "problem").textContent = sentence;
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
