import { decodeAddress } from "../../cipher/address.ts";
import { ApiError, badRequest } from "../api-error.ts";
import { goString, goStruct } from "../go-json.ts";
import { count, objectOf } from "../json-schema.ts";
import type { ApiRequest, HandlerResult, Route } from "../route.ts";

const VerifyAddressRequest = goStruct("VerifyAddressRequest", { address: goString });

/** `POST /api/v2/address/verify`. Source: api.md 13.15. */
export function addressRoutes(): Route[] {
  return [
    {
      path: "/api/v2/address/verify",
      about: {
        summary: "Is this an address?",
        description: "422 with the reason when not.",
        body: VerifyAddressRequest,
        bodyRequired: ["address"],
        answer: objectOf({ version: count }),
      },
      methods: { POST: ["READ"] },
      handler: verify,
    },
  ];
}

function verify(request: ApiRequest): HandlerResult {
  const { address } = request.json(VerifyAddressRequest);
  if (address === "") throw badRequest("address is required");
  try {
    return { version: decodeAddress(address)[0] ?? 0 };
  } catch (cause) {
    throw new ApiError("API_UNPROCESSABLE", (cause as Error).message, {}, { cause });
  }
}
