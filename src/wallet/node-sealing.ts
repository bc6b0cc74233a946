import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import type { SealingTools } from "./sealing.ts";

const TAG_BYTES = 16;
const CIPHER = "chacha20-poly1305";
/** What scrypt takes beside its 128 * n * r bytes. */
const SCRYPT_SLACK = 1 << 20;

/** OpenSSL's scrypt and ChaCha20-Poly1305. Synchronous and slow on purpose: meant for a thread of its own. */
export const nodeSealingTools: SealingTools = {
  random: (bytes) => randomBytes(bytes),

  scrypt(password, salt, { n, r, p, keyLen }) {
    const maxmem = 128 * n * r + 128 * r * p + SCRYPT_SLACK;
    return scryptSync(password, salt, keyLen, { N: n, r, p, maxmem });
  },

  encrypt(key, nonce, plain, associated) {
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associated, { plaintextLength: plain.length });
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  },

  decrypt(key, nonce, sealed, associated) {
    const size = sealed.length - TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associated, { plaintextLength: size });
    decipher.setAuthTag(sealed.subarray(size));
    return Buffer.concat([decipher.update(sealed.subarray(0, size)), decipher.final()]);
  },
};
