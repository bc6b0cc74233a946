/** `signed`: every input must be signed. `unsigned`: at least one must not be; null signatures are skipped. */
export type SignedMode = "signed" | "unsigned";
