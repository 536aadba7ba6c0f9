// Type-checked by test_package.py: what a page, an app and a server write.
import { AuthClient, AuthError } from "authapi-client";
import type { Session, SessionInfo, TokenStorage, User } from "authapi-client";

const page = new AuthClient({ baseUrl: "/auth" });
page.addEventListener("ended", ({ detail }) => detail.reason === "refused");
const changed = () => undefined;
page.addEventListener("changed", changed, { once: true });
page.removeEventListener("changed", changed);
const started = ({ detail }: { readonly detail: Session }) => detail.transport;
page.addEventListener("started", started);
page.removeEventListener("started", started);
page.removeEventListener("any other", changed);
const session: Session | null = page.session;
const user: User | null = await page.loadUser();
const email: string | undefined = user?.email ?? session?.session_id;

const cells = new Map<string, string>();
const storage: TokenStorage = {
  get: async (name) => cells.get(name) ?? null,
  set: async (name, value) => void cells.set(name, value),
  remove: async (name) => void cells.delete(name),
};
const app = new AuthClient({ baseUrl: "https://auth.example", transport: "bearer", storage });
const api = new AuthClient({ resources: { "/api/": "reports" } });
const list = await api.fetch("https://auth.example/sessions");
const devices = (await list.json()) as SessionInfo[];
console.log(devices.map(({ current, user_agent }) => [current, user_agent?.length]));

try {
  await app.register({ email: "ada@example.com", password: "correct horse battery staple" });
  await app.login({ username: "ada", password: "correct horse battery staple", remember: false });
  await app.reauth({ password: "correct horse battery staple" });
} catch (error) {
  if (!(error instanceof AuthError)) throw error;
  for (const { loc, msg } of error.errors) console.log(loc.join("."), msg, email);
}
const response: Response = await app.fetch("https://auth.example/me", { method: "GET" });
if (!response.ok) throw await AuthError.of(response);
