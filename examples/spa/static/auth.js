import { AuthClient } from "./auth/client.js";
import { askForProof } from "./proof.js";

/** Where a request needs a fresh log-in, the dialog asks, and the request is sent again. */
export const auth = new AuthClient({ baseUrl: "/auth", onStepUp: askForProof });
