// Cookies of new sessions as JSON lines. `node sessions.js PORT COUNT`
import { randomBytes } from "node:crypto";

const [, , port, count] = process.argv;

for (let number = 0; number < Number(count); number++) {
  const answer = await fetch(`http://127.0.0.1:${port}/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ sub: randomBytes(16).toString("base64url") }),
  });
  await answer.arrayBuffer();
  const cookie = answer.headers.get("set-cookie").split(";")[0];
  console.log(JSON.stringify({ cookie }));
}
