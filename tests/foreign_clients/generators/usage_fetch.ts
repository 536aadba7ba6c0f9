// openapi-fetch with the types of openapi-typescript: a session from its beginning to its end.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const [baseUrl = ""] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl });
const ada = { email: "fetch@example.com", password: "correct horse battery staple" };

const registered = await api.POST("/register", { body: ada });
console.log("register", registered.response.status, registered.data?.email);
const wrong = await api.POST("/login", { body: { ...ada, password: "not her password" } });
console.log("wrong password", wrong.response.status, wrong.error?.error);
const nameless = await api.POST("/login", { body: { password: ada.password } });
const found = nameless.error && "errors" in nameless.error ? nameless.error.errors[0]?.msg : undefined;
console.log("no name", nameless.response.status, found);

const { data: session } = await api.POST("/login", { body: { ...ada, transport: "bearer" } });
const refresh_token = session?.refresh_token ?? "";
const key = { "Idempotency-Key": crypto.randomUUID() };
const exchange = () => api.POST("/refresh", { params: { header: key }, body: { refresh_token } });
const [first, again] = [await exchange(), await exchange()];
console.log("refresh", first.response.status, first.data?.refresh_token === again.data?.refresh_token);

const headers = { Authorization: `Bearer ${first.data?.access_token}` };
const me = await api.GET("/me", { headers });
console.log("me", me.response.status, me.data?.email);
const sessions = await api.GET("/sessions", { headers, params: { query: { limit: 10 } } });
console.log("sessions", sessions.response.status, sessions.data?.map(({ current }) => current).join());
const logout = await api.POST("/logout", { headers });
console.log("logout", logout.response.status);
const after = await api.GET("/me", { headers });
console.log("me", after.response.status, after.error?.error);
