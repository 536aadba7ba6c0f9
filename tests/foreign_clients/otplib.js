// An authenticator app that others wrote: npm's otplib. Each line of the input is a URI that it
// reads, and a moment in Unix seconds. It prints what it has read, and the code that it shows then.
import { createInterface } from "node:readline";
import { parse } from "@otplib/uri";
import { generateSync } from "otplib";

for await (const line of createInterface({ input: process.stdin })) {
  const { uri, epoch } = JSON.parse(line);
  const read = parse(uri);
  console.log(JSON.stringify({ ...read, code: generateSync({ ...read.params, epoch }) }));
}
