import { notFound } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import type { CsrfTokens } from "../csrf.ts";
import type { Route } from "../route.ts";

/** `GET /api/v1/csrf`: clients take its 404 as "no token needed" and go on without. Source: api.md 5. */
export function csrfRoutes({ options }: ApiContext, tokens: CsrfTokens): Route[] {
  return [
    {
      path: "/api/v1/csrf",
      methods: { GET: "always" },
      csrfExempt: true,
      handler() {
        if (options.disableCsrf) throw notFound();
        return { csrf_token: tokens.issue() };
      },
    },
  ];
}
