// A service in Express that knows its issuer's URL and nothing else. It prints its port once it listens.
import express from "express";
import { auth, requiredScopes } from "express-oauth2-jwt-bearer";

const [issuerBaseURL] = process.argv.slice(2);
const app = express();
app.use(auth({ issuerBaseURL, audience: "authapi", strict: true }));
app.get("/data", (request, response) => response.json(request.auth.payload));
app.get("/reports", requiredScopes("reports:read"), (request, response) => response.json({}));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
