// orval's client with fetch: a session from its beginning to its end. It has its URL from `servers`.
import { login, logout, readProfile, readSessions, refresh, registerAccount } from "./authapi.js";

const ada = { email: "orval@example.com", password: "correct horse battery staple" };

const registered = await registerAccount(ada);
console.log("register", registered.status, registered.status === 201 && registered.data.email);
const wrong = await login({ ...ada, password: "not her password" });
console.log("wrong password", wrong.status, wrong.status === 401 && wrong.data.error);
const nameless = await login({ password: ada.password });
console.log("no name", nameless.status, nameless.status === 422 && nameless.data.errors[0]?.msg);

const session = await login({ ...ada, transport: "bearer" });
if (session.status !== 200) throw new Error(session.data.error_description);
const key = { "Idempotency-Key": crypto.randomUUID() };
const exchange = async () => {
  const answer = await refresh({ refresh_token: session.data.refresh_token }, key);
  if (answer.status !== 200) throw new Error(answer.data.error_description);
  return answer;
};
const [first, again] = [await exchange(), await exchange()];
console.log("refresh", first.status, first.data.refresh_token === again.data.refresh_token);

const options = { headers: { Authorization: `Bearer ${first.data.access_token}` } };
const me = await readProfile(options);
console.log("me", me.status, me.status === 200 && me.data.email);
const sessions = await readSessions({ limit: 10 }, options);
console.log("sessions", sessions.status, sessions.status === 200 && sessions.data.map(({ current }) => current).join());
const ended = await logout({}, options);
console.log("logout", ended.status);
const after = await readProfile(options);
console.log("me", after.status, after.status === 401 && after.data.error);
