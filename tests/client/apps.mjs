// What each test of an app's client begins with: a storage, and a network that is watched.
// `node apps.mjs CLIENT BASE CREDENTIALS SCRIPT`; it prints what the script returns.

import { createHmac } from "node:crypto";

const [url, base, credentials, script] = process.argv.slice(2);
const { AuthClient, AuthError } = await import(url);
const ada = JSON.parse(credentials);

class Vault {
  cells = new Map();
  broken = new Set();
  async #do(verb, work) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (this.broken.has(verb)) throw new Error(`the vault can't ${verb}`);
    return work();
  }
  get = (name) => this.#do("get", () => this.cells.get(name) ?? null);
  set = (name, value) => this.#do("set", () => void this.cells.set(name, value));
  remove = (name) => this.#do("remove", () => void this.cells.delete(name));
  get pair() {
    return this.cells.size ? JSON.parse([...this.cells.values()][0]) : null;
  }
}

const vault = new Vault();
const make = (options) => new AuthClient({ baseUrl: base, transport: "bearer", storage: vault, ...options });
const auth = make();
const events = [];
for (const type of ["started", "ended", "changed"]) auth.addEventListener(type, () => events.push(type));

// Every request of the clients: what it sent, and what the vault held at that moment.
const sent = [];
const network = globalThis.fetch;
let onAnswer = async (response) => response; // of a refresh
globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  const path = request.url.slice(base.length);
  const body = await request.clone().json().catch(() => null);
  const key = request.headers.get("Idempotency-Key");
  const bearer = request.headers.get("Authorization")?.replace("Bearer ", "");
  const { refresh_token: token, resource } = body ?? {};
  sent.push({ path, key, token, resource, bearer, kept: vault.pair });
  const response = await network(request);
  return path === "/refresh" ? onAnswer(response) : response;
};
const refreshes = () => sent.filter(({ path }) => path === "/refresh");
/** For whom the tokens were that the requests carried. */
const audiences = () => sent.filter(({ path }) => /^.(verify|me)/.test(path)).map(({ bearer }) =>
  bearer && JSON.parse(atob(bearer.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).aud);
const me = async (client = auth) => (await client.fetch(`${base}/me`)).status;
const caught = (promise) => promise.then(() => "nothing", (error) => error);
/** The clocks of this process are ahead: the access token is almost over. */
const wait = (seconds) => {
  const { now } = Date;
  Date.now = () => now() + seconds * 1000;
};

/** Hold the answer of the next refresh: a promise that it is there, and a function that lets it through. */
const holdTheAnswer = () => {
  let come, asked;
  const coming = new Promise((resolve) => (come = resolve));
  const asking = new Promise((resolve) => (asked = resolve));
  onAnswer = async (answer) => {
    asked();
    await coming;
    return answer;
  };
  return [asking, come];
};
/** An authenticator app (RFC 6238). No code twice: the next step's is accepted too. */
const authenticator = (secret) => {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  let last = 0;
  const code = () => {
    last = Math.max(last + 1, Math.floor(Date.now() / 30_000));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(last));
    const mac = createHmac("sha1", key).update(counter).digest();
    const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, "0");
  };
  return { code };
};
const onRefreshed = (work) => (onAnswer = work);

const tools = { AuthClient, AuthError, ada, audiences, auth, authenticator, base, caught, events, make, me, refreshes, sent, vault, wait };
const AsyncFunction = (async () => {}).constructor;
const run = new AsyncFunction("t", `const { ${Object.keys(tools).join(", ")} } = t; ${script}`);
console.log(JSON.stringify((await run({ ...tools, holdTheAnswer, onRefreshed })) ?? null));
