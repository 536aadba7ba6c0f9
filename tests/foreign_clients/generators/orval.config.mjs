export default {
  authapi: {
    input: "openapi.json",
    output: {
      target: "authapi.ts",
      client: "fetch",
      headers: true,
      baseUrl: { getBaseUrlFromSpecification: true },
    },
  },
};
