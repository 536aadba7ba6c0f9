/** A dialog that asks who is there: for the second factor of a log-in, and for a fresh log-in. */

import { at, sentenceOf } from "./page.js";

const WAYS = {
  password: {
    name: "password",
    label: "Password",
    attributes: { type: "password", autocomplete: "current-password" },
  },
  totp: {
    name: "totpCode",
    label: "Code from your authenticator app",
    attributes: { autocomplete: "one-time-code", inputmode: "numeric" },
  },
  recovery_code: {
    name: "recoveryCode",
    label: "Recovery code",
    attributes: { autocomplete: "off" },
  },
  passkey: { name: "passkey", label: "Passkey", attributes: {} },
};
const dialog = at("proof");
const form = dialog.querySelector("form");
const field = form.elements.proof;
let chosen; // the way that is shown

/** What `reauth` and `continueLogin` of the client take, or null: it was cancelled. */
export function askForProof({ methods, error }) {
  const choose = (method) => {
    chosen = method;
    const { label, attributes } = WAYS[method];
    const isTyped = method !== "passkey";
    at("proof-label").textContent = label;
    field.value = "";
    for (const [key, value] of Object.entries({ type: "text", inputmode: "text", ...attributes })) {
      field.setAttribute(key, value);
    }
    field.disabled = field.parentElement.hidden = !isTyped;
    at("proof-send").textContent = isTyped ? "Continue" : "Use a passkey";
    const others = methods.filter((other) => other !== method);
    at("proof-others").replaceChildren(...others.map((other) => linkTo(other, choose)));
    (isTyped ? field : at("proof-send")).focus();
  };
  form.querySelector(".problem").textContent = error ? sentenceOf(error) : "";
  dialog.showModal();
  choose(error && methods.includes(chosen) ? chosen : methods[0]);
  return new Promise((resolve) => {
    dialog.onclose = () => {
      const isGiven = dialog.returnValue === "send";
      dialog.returnValue = "";
      resolve(isGiven ? { [WAYS[chosen].name]: field.value || true } : null);
    };
  });
}

function linkTo(method, choose) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "link" });
  button.textContent = `Use instead: ${WAYS[method].label.toLowerCase()}`;
  button.addEventListener("click", () => choose(method));
  return button;
}
