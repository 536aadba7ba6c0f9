/** The card of the account's factors: list, add, rename, remove. */

import { auth } from "./auth.js";
import { at, attempt, onClick, onSubmit, say, time } from "./page.js";
import { encode } from "./vendor/uqr-0.1.3/index.js"; // npm's uqr as it is: MIT, no build step

const KINDS = {
  totp: "Authenticator app",
  passkey: "Passkey",
  recovery_codes: "Recovery codes",
  identity: "Log-in by another provider",
};
const problem = at("factors-problem");
let begun; // an authenticator app that is not in force yet

onSubmit(at("add-factor"), async ({ name }, kind) => {
  if (kind === "totp") return beginTotp(name);
  await auth.addPasskey(name || undefined);
  at("add-factor").reset();
  await showFactors();
  tell("Your passkey is added: log in by it, without a password. Make recovery codes for the day that it is lost.");
});
onSubmit(at("confirm-totp"), async ({ code }) => {
  const codes = await auth.confirmTotp(begun.id, code);
  closeTotp();
  at("add-factor").reset();
  await showFactors();
  if (codes.length) showCodes(codes);
  else tell("Your authenticator app is added.");
});
onClick("cancel-totp", closeTotp);
onClick("new-codes", async () => {
  showCodes(await auth.recoveryCodes());
  await showFactors();
}, problem);
onClick("codes-kept", () => {
  closeCodes();
  at("factors-title").focus();
});
// The next person at this browser sees no secret.
auth.addEventListener("ended", () => {
  closeCodes();
  closeTotp();
  at("add-factor").reset();
});

function tell(sentence) {
  say(sentence, at("factors-notice"));
}

export async function showFactors() {
  const factors = await auth.factors();
  at("factors").replaceChildren(...factors.map(itemOf));
  at("no-factors").hidden = factors.length > 0;
  at("new-codes").hidden = !factors.some(({ kind }) => kind === "totp" || kind === "passkey");
}

function itemOf({ id, kind, name, provider, remaining, last_used_at }) {
  const item = at("factor").content.cloneNode(true);
  const find = (selector) => item.querySelector(selector);
  const title = name ?? provider ?? KINDS[kind];
  const used = last_used_at ? `last used ${time(last_used_at)}` : "not used yet";
  const [rename, form, remove] = [find(".rename"), find("form"), find(".remove")];
  find("strong").textContent = title;
  find("small").textContent = kind === "recovery_codes" ? `${remaining} left` : `${KINDS[kind]} · ${used}`;
  rename.hidden = kind === "recovery_codes";
  rename.setAttribute("aria-label", `Rename ${title}`);
  rename.addEventListener("click", () => {
    form.hidden = !form.hidden;
    if (!form.hidden) form.elements.name.focus();
  });
  form.elements.name.value = name ?? "";
  onSubmit(form, async (typed) => {
    await auth.renameFactor(id, typed.name || null);
    await showFactors();
    tell("The name is changed.");
  });
  remove.setAttribute("aria-label", `Remove ${title}`);
  remove.addEventListener("click", () => confirm(`Remove “${title}”?`) && attempt(async () => {
    await auth.removeFactor(id);
    await showFactors();
    at("factors-title").focus(); // the button is gone
    tell("Removed.");
  }, problem));
  return item;
}

async function beginTotp(name) {
  begun = await auth.addTotp(name || undefined);
  at("totp-secret").textContent = begun.secret.match(/.{1,4}/g).join(" ");
  at("totp-link").href = begun.otpauth_uri;
  drawQrCode(begun.otpauth_uri);
  at("add-factor").hidden = true;
  at("confirm-totp").hidden = false;
  at("confirm-totp").code.focus();
}

/** One path of black squares: scripts and styles of the page's own origin are enough. */
function drawQrCode(text) {
  const { size, data } = encode(text, { border: 4 }); // cameras want four squares of white
  const squares = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : "")));
  at("totp-qr").setAttribute("viewBox", `0 0 ${size} ${size}`);
  at("totp-qr").firstElementChild.setAttribute("d", squares.join(""));
}

function closeTotp() {
  begun = null;
  at("totp-qr").firstElementChild.removeAttribute("d");
  at("totp-secret").textContent = "";
  at("totp-link").removeAttribute("href");
  at("confirm-totp").reset();
  at("confirm-totp").hidden = true;
  at("add-factor").hidden = false;
}

function closeCodes() {
  at("codes").replaceChildren();
  at("recovery").hidden = true;
}

/** They are shown once. */
function showCodes(codes) {
  at("codes").replaceChildren(...codes.map((code) => {
    const item = document.createElement("li");
    item.textContent = code;
    return item;
  }));
  at("recovery").hidden = false;
  at("recovery-title").focus();
}
