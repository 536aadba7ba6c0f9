// Type-checked by test_package.py: what a page, an app and a server write.
import { AuthClient, AuthError, type Session, type TokenStorage, type User } from "authapi-client";

const page = new AuthClient({ baseUrl: "/auth" });
page.addEventListener("ended", ({ detail }) => detail.reason === "refused");
page.addEventListener("changed", () => undefined);
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
