import { notFound } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import type { CsrfTokens } from "../csrf.ts";
import { objectOf, text } from "../json-schema.ts";
import type { Route } from "../route.ts";

/** `GET /api/v1/csrf`: clients take its 404 as "no token needed" and go on without. Source: api.md 5. */
export function csrfRoutes({ options }: ApiContext, tokens: CsrfTokens): Route[] {
  return [
    {
      path: "/api/v1/csrf",
      about: {
        summary: "A token for requests that change something",
        description: "Valid for 30 seconds, any number of times. 404: no tokens are needed.",
        answer: objectOf({ csrf_token: text }),
      },
      methods: { GET: "always" },
      csrfExempt: true,
      handler() {
        if (options.disableCsrf) throw notFound();
        return { csrf_token: tokens.issue() };
      },
    },
  ];
}
