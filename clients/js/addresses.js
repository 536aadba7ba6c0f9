/** Addresses: what a path counts from, and which service a request goes to. */

/**
 * An absolute URL. A path counts from the page; where there is no page (Node, React Native), from
 * `base`, which is absolute there.
 */
export function absolute(address, base) {
  const text = String(address);
  const page = globalThis.location?.href;
  const isPath = !page && /^\/(?!\/)/.test(text);
  return new URL(isPath ? base + text : text, page ?? `${base}/`).href;
}

/**
 * The service that a URL belongs to: `resources` has its prefix, and the longest one counts. Not
 * given for authapi's own URLs, which lie below `base`, and for those of anybody else.
 */
export function resourceOf(url, resources, base) {
  let [longest, found] = [isBelow(url, base) ? withoutSlash(base).length : -1];
  for (const [prefix, resource] of Object.entries(resources)) {
    const start = absolute(prefix, base);
    const { length } = withoutSlash(start);
    if (length > longest && isBelow(url, start)) [longest, found] = [length, resource];
  }
  return found;
}

/** "/api" and "/api/" have below them "/api" and "/api/reports", and not "/apis". */
function isBelow(url, start) {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}/`.startsWith(`${withoutSlash(start)}/`);
}

function withoutSlash(url) {
  return url.replace(/\/+$/, "");
}
