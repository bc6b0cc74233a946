import { RewardError } from "../../reward/address.ts";
import { ApiError, badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { isJson } from "../gate.ts";
import { goString, goStruct } from "../go-json.ts";
import { objectOf } from "../json-schema.ts";
import type { ApiRequest, HandlerResult, Route } from "../route.ts";
import type { RewardsService } from "../services.ts";

const RewardRequest = goStruct("RewardRequest", { address: goString });

const reward = objectOf({
  address: { type: ["string", "null"], description: "Base58 address, or an account's xpub; null: none is set" },
  kind: { enum: ["address", "xpub", null] },
});

/** `/control/v1/reward`: where the operator of this node wants to be paid. Ours, and on no listener for strangers. */
export function rewardRoutes({ services, options }: ApiContext): Route[] {
  const { rewards } = services;
  if (options.audience === "public" || rewards === undefined) return [];
  const sets = ["REWARD"] as const;
  return [
    {
      path: "/control/v1/reward",
      about: {
        GET: { summary: "The operator's reward address", answer: reward },
        POST: { summary: "Sets it", body: RewardRequest, bodyRequired: ["address"], answer: reward },
      },
      methods: { GET: sets, POST: sets },
      handler: (request) => (request.method === "POST" ? set(rewards, request) : get(rewards)),
    },
  ];
}

async function get(rewards: RewardsService): Promise<HandlerResult> {
  const found = await rewards.get();
  return { address: found?.text ?? null, kind: found?.kind ?? null };
}

async function set(rewards: RewardsService, request: ApiRequest): Promise<HandlerResult> {
  // Asked for even where CSRF tokens are switched off: a page of another site cannot send this type unasked.
  if (!isJson(request.contentType)) throw new ApiError("API_MEDIA_TYPE");
  const { address } = request.json(RewardRequest);
  try {
    const { text, kind } = await rewards.set(address);
    return { address: text, kind };
  } catch (error) {
    if (error instanceof RewardError && error.code !== "REWARD_FILE") throw badRequest(error.message, error);
    throw error;
  }
}
