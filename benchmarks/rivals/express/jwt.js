// express with jsonwebtoken: ES256, its key parsed once. `node jwt.js PORT`
import { createPublicKey } from "node:crypto";
import express from "express";
import jwt from "jsonwebtoken";

const publicKey = createPublicKey(process.env.JWT_PUBLIC_KEY);
const options = {
  algorithms: ["ES256"],
  issuer: process.env.JWT_ISSUER,
  audience: process.env.JWT_AUDIENCE,
};

function authenticate(req, res, next) {
  const [scheme, token] = (req.headers.authorization ?? "").split(" ");
  try {
    if (scheme !== "Bearer") throw new Error("a bearer token is required");
    req.claims = jwt.verify(token, publicKey, options);
  } catch {
    return res.set("WWW-Authenticate", "Bearer").status(401).json({ error: "invalid_token" });
  }
  next();
}

const app = express();
app.disable("x-powered-by");

app.get("/me", authenticate, (req, res) => {
  const { sub, scope, exp } = req.claims;
  res.json({ sub, scopes: scope ? scope.split(" ") : [], expires_at: exp });
});

// For the harness: it answers when the server does.
app.get("/up", (_req, res) => res.sendStatus(200));

app.listen(Number(process.argv[2]), "127.0.0.1");
