// Type-checked by test_package.py: what a page, an app and a server write.
import { AuthClient, AuthError } from "authapi-client";
import type { Factor, Proof, Session, SessionInfo, TokenStorage, User } from "authapi-client";

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

const ask = async (what: string): Promise<string | null> => what || null;
page.onStepUp = async ({ methods, error, maxAge = 0 }): Promise<Proof | null> => {
  const password = methods.includes("password") && maxAge > 0 && (await ask(error?.message ?? "password"));
  return password ? { password } : { passkey: true };
};
const passkeys = { get: async (options: object) => options, create: async (options: object) => options };
const native = new AuthClient({ transport: "bearer", passkeys, onStepUp: page.onStepUp });
const byPasskey: Session = await native.loginWithPasskey();
const offered: Session | null = await page.loginWithPasskey({ conditional: true });
await page.loginWithIdToken({ provider: "google", idToken: "e30", remember: false });
const { id, otpauth_uri } = await page.addTotp("Telephone");
const codes: string[] = await page.confirmTotp(id, otpauth_uri);
const factors: Factor[] = [...(await page.factors()), await page.addPasskey()];
console.log(byPasskey, offered?.transport, codes.length, factors.map(({ kind, remaining }) => [kind, remaining]));

try {
  await app.register({ email: "ada@example.com", password: "correct horse battery staple" });
  await app.login({ username: "ada", password: "correct horse battery staple", remember: false });
  await app.reauth({ password: "correct horse battery staple" });
} catch (error) {
  if (!(error instanceof AuthError)) throw error;
  for (const { loc, msg } of error.errors) console.log(loc.join("."), msg, email);
  if (error.methods.includes("totp")) await app.continueLogin({ totpCode: "123456", authSession: error.authSession });
}
const response: Response = await app.fetch("https://auth.example/me", { method: "GET" });
if (!response.ok) throw await AuthError.of(response);
