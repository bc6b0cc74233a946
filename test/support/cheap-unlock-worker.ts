import { nodeSealingTools } from "../../src/wallet/node-sealing.ts";
import "../../src/wallet/unlock-worker.ts";

// The program of `UnlockThread` with scrypt at its least cost: opens what it sealed, and nothing recorded.
const { scrypt } = nodeSealingTools;
nodeSealingTools.scrypt = (password, salt, cost) => scrypt(password, salt, { ...cost, n: 2 });
