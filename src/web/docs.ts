import SwaggerUI, { type SwaggerRequest } from "@fastify/swagger-ui/static/swagger-ui-bundle.js";

/** Reads and tries the API of the node that serves this page, and asks nobody else. */
SwaggerUI({
  dom_id: "#docs",
  url: "/openapi.json",
  validatorUrl: null, // no look-up at the validator's own site
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  requestInterceptor: withToken,
});

/** The page's own dark colours are behind a class; which is wanted may change while it is open. */
const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = (): void => void document.documentElement.classList.toggle("dark-mode", dark.matches);
followScheme();
dark.addEventListener("change", followScheme);

/** What changes something needs a token; 404 means that this node asks for none. */
async function withToken(request: SwaggerRequest): Promise<SwaggerRequest> {
  if (request.method === undefined || request.method === "GET") return request;
  if (request.headers["X-CSRF-Token"] !== undefined) return request;
  const answer = await fetch("/api/v1/csrf", { cache: "no-store" });
  if (!answer.ok) return request;
  const { csrf_token: token } = (await answer.json()) as { csrf_token: string };
  request.headers["X-CSRF-Token"] = token;
  return request;
}
