/** Our release. */
export const version = "0.1.0";

/**
 * The reference release whose protocol and API we speak: what health, version and the user agent say, because
 * clients compare it.
 */
export const compatVersion = "0.27.1";
