/** What every part of the page uses: its elements, its forms, and what it tells the person. */

import { AuthError } from "./auth/client.js";

const KNOWN = {
  invalid_credentials: "The e-mail address or the password is wrong.",
  invalid_code: "This code is wrong, or was used. Try the next one.",
  insufficient_authorization: "You are not logged in: the second factor is missing.",
  insufficient_user_authentication: "Nothing was changed: you have to confirm that it is you.",
};

export const at = (id) => document.getElementById(id);

/** Do `work` with what was typed, once at a time. */
export function onSubmit(form, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    form.inert = true;
    const isDone = await attempt(
      () => work(Object.fromEntries(new FormData(form)), event.submitter?.value),
      form.querySelector(".problem"),
    );
    form.inert = false;
    if (!isDone) event.submitter?.focus();
  });
}

export function onClick(id, work, place) {
  at(id).addEventListener("click", () => attempt(work, place));
}

export function say(sentence, place = at("notice")) {
  place.textContent = sentence;
}

/** What goes wrong is told to the person. Whether it went well. */
export async function attempt(work, place = at("notice")) {
  for (const told of [place, ...document.querySelectorAll("[role=status]")]) told.textContent = "";
  try {
    await work();
    return true;
  } catch (error) {
    complain(error, place);
    return false;
  }
}

export function complain(error, place = at("notice")) {
  if (error.code === "invalid_token") return; // the event `ended` has told it
  place.textContent = sentenceOf(error);
}

export function sentenceOf(error) {
  const [wrong] = error.errors ?? [];
  if (error instanceof AuthError) return KNOWN[error.code] ?? wrong?.msg ?? error.message;
  if (error.name === "InvalidStateError") return "This device has a passkey for your account already.";
  if (error instanceof DOMException) return "The passkey was not used.";
  return error instanceof TypeError ? "The server can't be reached. Try again soon." : error.message;
}

export function day(text) {
  return new Date(text).toLocaleDateString(undefined, { dateStyle: "long" });
}

export function time(text) {
  return new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
