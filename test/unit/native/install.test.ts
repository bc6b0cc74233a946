import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { afterEach, test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../../src/base/bytes.ts";
import { backend, installBackend } from "../../../src/cipher/active-backend.ts";
import { nobleBackend } from "../../../src/cipher/noble-backend.ts";
import {
  type BACKEND_KINDS,
  installedBackend,
  installNativeBackend,
  loadBackend,
} from "../../../src/native/install.ts";
import { createdHashing, nodeHashing } from "../../../src/native/node-hashing.ts";

afterEach(() => {
  installBackend(nobleBackend);
});

test("the fastest backend that loads is installed and told", async () => {
  const installed = await installNativeBackend({ env: {} });
  const loadable = await loadBackend("bindings").then(
    () => true,
    () => false,
  );
  assert.equal(installed.kind, loadable ? "bindings" : "wasm");
  assert.equal(installed.detail.includes("no bindings: "), !loadable);
  assert.equal(backend().name, installed.name);
  assert.equal(installedBackend(), installed);
});

test("the native package's own choice, which falls back to slow code in silence, is never loaded", async () => {
  await installNativeBackend({ env: {} });
  const loaded = Object.keys(createRequire(import.meta.url).cache).map((file) => file.replaceAll("\\", "/"));
  for (const file of loaded) assert.ok(!/\/secp256k1\/index\.js$|elliptic/.test(file), file);
});

for (const kind of ["wasm", "noble"] as const)
  test(`${kind} can be forced, by option and by environment`, async () => {
    for (const how of [{ force: kind, env: {} }, { env: { LOGINCHAIN_CIPHER_BACKEND: kind } }]) {
      installBackend(nobleBackend);
      const installed = await installNativeBackend(how);
      assert.equal(installed.kind, kind);
      assert.match(backend().name, kind === "wasm" ? /wasm/ : /noble/);
    }
  });

test("an option goes before the environment, and an empty variable says nothing", async () => {
  const environment = { LOGINCHAIN_CIPHER_BACKEND: "wasm" };
  assert.equal((await installNativeBackend({ force: "noble", env: environment })).kind, "noble");
  assert.notEqual((await installNativeBackend({ env: { LOGINCHAIN_CIPHER_BACKEND: "" } })).kind, "noble");
});

test("an unknown backend is refused and the one in use stays", async () => {
  await assert.rejects(installNativeBackend({ env: { LOGINCHAIN_CIPHER_BACKEND: "elliptic" } }), {
    code: "BACKEND_UNKNOWN",
    message: "cipher backend must be one of bindings, wasm, noble",
  });
  assert.equal(backend(), nobleBackend);
});

test("a backend that does not load is passed over, or refused when forced", async () => {
  const load = async (kind: (typeof BACKEND_KINDS)[number]) => {
    if (kind === "bindings") throw new Error("no build for this platform\nsecond line");
    return loadBackend(kind);
  };
  const installed = await installNativeBackend({ env: {}, load });
  assert.equal(installed.kind, "wasm");
  assert.match(installed.detail, /; no bindings: no build for this platform$/);
  await assert.rejects(installNativeBackend({ force: "bindings", env: {}, load }), { code: "BACKEND_UNAVAILABLE" });
});

for (const broken of ["sha256", "ripemd160", "publicKey", "multiply", "recover"] as const)
  test(`a backend whose ${broken} is wrong is passed over`, async () => {
    const load = async (kind: (typeof BACKEND_KINDS)[number]) => {
      const good = await loadBackend(kind);
      return kind === "noble" ? good : { ...good, [broken]: () => new Uint8Array(33) };
    };
    const installed = await installNativeBackend({ env: {}, load });
    assert.equal(installed.kind, "noble");
    assert.match(installed.detail, /no bindings: .*; no wasm: .* gives a wrong /);
  });

test("both ways of hashing through Node agree with noble, on whole arrays and on views", () => {
  const views = fc
    .uint8Array({ minLength: 8, maxLength: 400 })
    .map((bytes) => bytes.subarray(bytes.length % 7, bytes.length));
  fc.assert(
    fc.property(views, (data) => {
      for (const hashing of [nodeHashing(), createdHashing()]) {
        assert.deepEqual(hashing.sha256(data), nobleBackend.sha256(data));
        assert.deepEqual(hashing.ripemd160(data), nobleBackend.ripemd160(data));
      }
    }),
  );
});

test("a digest is a plain array of its own", () => {
  const { sha256 } = nodeHashing();
  const digest = sha256(new Uint8Array(3));
  assert.equal(Object.getPrototypeOf(digest), Uint8Array.prototype);
  digest.fill(0);
  assert.equal(toHex(sha256(new Uint8Array(3))), createHash("sha256").update(new Uint8Array(3)).digest("hex"));
});
