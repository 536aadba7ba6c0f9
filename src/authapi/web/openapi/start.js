// The routes are beside this page, whether or not a proxy takes the path of the document's server away.
const here = new URL(".", location.href).pathname.slice(0, -1) || "/";
const besideThisPage = {
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (update) => (spec) => update({ ...spec, servers: [{ url: here }] }),
      },
    },
  },
};

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
