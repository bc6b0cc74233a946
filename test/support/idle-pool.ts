/** A program that recovers on threads and forgets to close the pool. Prints how many keys it got. */
import { RecoveryPool } from "../../src/native/recovery-pool.ts";
import { recoveryRecords } from "./recovery-records.ts";

const pool = new RecoveryPool({ workers: 2, backend: "noble" });
const results = await pool.recover(recoveryRecords(24));
console.log(results.filter((_, i) => i % 55 === 0 && results[i] === 1).length);
