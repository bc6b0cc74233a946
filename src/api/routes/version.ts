import type { ApiContext } from "../context.ts";
import type { JsonObject } from "../json.ts";
import type { Route } from "../route.ts";
import { shape } from "../shapes.ts";

/** `GET /api/v1/version`: open whatever sets are enabled. Source: api.md 13.1. */
export function versionRoutes({ options }: ApiContext): Route[] {
  const version = readableVersion(options.node);
  return [
    {
      path: "/api/v1/version",
      about: { summary: "Version of the API and the node", answer: shape("Version") },
      methods: { GET: "always" },
      follows: "nothing",
      handler: () => version,
    },
  ];
}

export function readableVersion(node: { version: string; commit: string; branch: string }): JsonObject {
  return { version: node.version, commit: node.commit, branch: node.branch };
}
