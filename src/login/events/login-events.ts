import type { ChallengeRecord } from "../challenge.ts";
import { lastChange } from "../challenge.ts";
import type { LoginClients } from "../clients.ts";
import type { LoginEvent, SessionRecord } from "../service.ts";
import type { Json } from "../store.ts";
import type { TopicEvent } from "./topics.ts";

/**
 * What services are told of their own visitors: without secrets, and only where there is a service that may hear it.
 * A login for nobody, or for a client that cannot show who it is, is told to nobody. Undefined: not told.
 */
export function noteOfLogin(
  event: LoginEvent,
  clients: LoginClients,
): Pick<TopicEvent, "topic" | "key" | "data"> | undefined {
  const clientId = event.type === "login.status" ? event.challenge.clientId : event.session.clientId;
  const client = clientId === undefined ? undefined : clients.get(clientId);
  if (client === undefined || (client.secretSha256 === undefined && client.webhooks.length === 0)) return undefined;
  return { topic: event.type, key: keyOf(event), data: { client_id: client.id, ...dataOf(event) } };
}

/** A challenge and what becomes of it are told in order. */
function keyOf(event: LoginEvent): string {
  return event.type === "login.status" ? event.challenge.id : event.session.challengeId;
}

function dataOf(event: LoginEvent): Record<string, Json> {
  if (event.type === "login.status") return statusData(event.challenge);
  const data = sessionData(event.session);
  return event.type === "login.revoked" ? { ...data, why: event.why } : data;
}

function statusData(challenge: ChallengeRecord): Record<string, Json> {
  const { status, txid, blockSeq, cause } = lastChange(challenge);
  return {
    challenge_id: challenge.id,
    status,
    method: challenge.method,
    address: challenge.loginAddress,
    ...(txid !== undefined && { txid }),
    ...(blockSeq !== undefined && { block_seq: blockSeq }),
    ...(cause !== undefined && { cause: cause.code }),
  };
}

function sessionData(session: SessionRecord): Record<string, Json> {
  return {
    session_id: session.id,
    challenge_id: session.challengeId,
    subject: session.subject,
    address: session.address,
    method: session.method,
    ...(session.txid !== undefined && { txid: session.txid }),
    ...(session.blockSeq !== undefined && { block_seq: session.blockSeq }),
  };
}
