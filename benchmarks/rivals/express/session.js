// express-session with its sessions in Redis. `node session.js PORT`
import { randomBytes } from "node:crypto";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const client = createClient({ url: process.env.REDIS_URL });
await client.connect();

const app = express();
app.disable("x-powered-by");

// For the harness: it answers when the server does. Before the sessions, so that it needs none.
app.get("/up", (_req, res) => res.sendStatus(200));

app.use(
  session({
    store: new RedisStore({ client }),
    resave: false, // connect-redis: required, force lightweight session keep alive (touch)
    saveUninitialized: false,
    secret: randomBytes(32).toString("hex"),
  }),
);

// Any log-in is the right one: a session is what is measured, not a hash.
app.post("/login", express.json(), (req, res, next) => {
  req.session.regenerate((error) => {
    if (error) return next(error);
    const expires_at = Math.floor(Date.now() / 1000) + 86400;
    req.session.user = { sub: req.body.sub, scopes: ["reports:read"], expires_at };
    req.session.save((failure) => (failure ? next(failure) : res.json(req.session.user)));
  });
});

app.get("/me", (req, res) => {
  if (!req.session.user) return res.status(401).json({ error: "no_session" });
  res.json(req.session.user);
});

app.listen(Number(process.argv[2]), "127.0.0.1");
