// An identity provider that nobody here wrote, and a client that logs in there by code and PKCE.
// The argument names the provider. It prints its issuer, then an ID token for each line of JSON.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { OAuth2Server } from "oauth2-mock-server";
import { Provider } from "oidc-provider";
import * as client from "openid-client";

const CLIENT = "an-app";
const CALLBACK = "http://127.0.0.1:9/callback";
let person = {};

async function oidcProvider() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT,
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: "none",
        application_type: "native",
      },
    ],
    claims: { email: ["email", "email_verified"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["a key of a test"] },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, email: person.email, email_verified: person.verified }),
    }),
  });
  server.on("request", provider.callback());
  return { issuer };
}

async function oauth2MockServer() {
  const server = new OAuth2Server();
  await server.issuer.keys.generate("RS256");
  await server.start(0, "127.0.0.1");
  server.service.on("beforeTokenSigning", ({ payload }) => {
    payload.sub = person.sub;
    payload.email = person.email;
    payload.email_verified = person.verified;
  });
  return { issuer: server.issuer.url, rotate: () => server.issuer.keys.generate("RS256") };
}

// What a browser does: it keeps cookies, follows redirects and sends the forms that it is shown.
async function browse(url) {
  const jar = new Map();
  let form;
  for (let step = 0; step < 20; step += 1) {
    if (url.href.startsWith(CALLBACK)) return url;
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const method = form ? "POST" : "GET";
    const answer = await fetch(url, { method, body: form, headers: { cookie }, redirect: "manual" });
    for (const set of answer.headers.getSetCookie()) {
      const [name, value] = set.split(";")[0].split("=");
      jar.set(name, value);
    }
    form = undefined;
    if (answer.headers.has("location")) {
      url = new URL(answer.headers.get("location"), url);
      continue;
    }
    const page = await answer.text();
    const [, prompt] = page.match(/name="prompt" value="(\w+)"/);
    url = new URL(page.match(/action="([^"]+)"/)[1], url);
    form = new URLSearchParams({ prompt, login: person.sub, password: "any" });
  }
  throw new Error("It never came back.");
}

async function logIn(issuer, nonce) {
  const insecure = { execute: [client.allowInsecureRequests] };
  const config = await client.discovery(new URL(issuer), CLIENT, undefined, client.None(), insecure);
  const verifier = client.randomPKCECodeVerifier();
  const start = client.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: "openid email",
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    nonce,
  });
  const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce };
  const tokens = await client.authorizationCodeGrant(config, await browse(start), checks);
  return tokens.id_token;
}

const kinds = { "oidc-provider": oidcProvider, "oauth2-mock-server": oauth2MockServer };
const provider = await kinds[process.argv[2]]();
console.log(provider.issuer);
for await (const line of createInterface({ input: process.stdin })) {
  person = JSON.parse(line);
  if (person.rotate) await provider.rotate();
  console.log(await logIn(provider.issuer, person.nonce));
}
process.exit();
