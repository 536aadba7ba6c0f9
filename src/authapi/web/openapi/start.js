// The routes are beside this page, whether or not a proxy takes the path of the document's server away.
const here = new URL(".", location.href).pathname.slice(0, -1) || "/";
const besideThisPage = {
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (update) => (spec) =>
          update({ ...withoutCookies(spec), servers: [{ url: here }] }),
      },
    },
  },
};

// A script can't set our cookies. The browser sends those that a log-in has set, and a change needs the CSRF token too.
const isCookie = (scheme) => scheme.in === "cookie";
function withoutCookies(spec) {
  const all = Object.entries(spec.components.securitySchemes);
  const schemes = Object.fromEntries(all.filter(([, scheme]) => !isCookie(scheme)));
  for (const operation of Object.values(spec.paths).flatMap(Object.values)) {
    if (!operation.security) continue;
    const offered = operation.security.map((needed) => Object.keys(needed).filter((name) => schemes[name]));
    operation.security = [...new Set(offered.flat())].map((name) => ({ [name]: [] }));
  }
  return { ...spec, components: { ...spec.components, securitySchemes: schemes } };
}

// The validator and stored tokens are off: one would send the schema away, the other keep a
// credential in the browser after the page is closed.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [() => besideThisPage],
  layout: "BaseLayout",
  deepLinking: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
