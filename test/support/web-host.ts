/**
 * Stands in for a browser: links the modules of a folder inside a context that has the language and two web
 * interfaces, nothing of Node; any `node:` import fails. Arguments: folder, seed text. Prints what it computed.
 * Runs with --experimental-vm-modules.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as vm from "node:vm";

const [folder, seed] = process.argv.slice(2) as [string, string];
const context = vm.createContext({ crypto: globalThis.crypto, TextEncoder, seed });
const modules = new Map<string, vm.SourceTextModule>();

function load(url: string): vm.SourceTextModule {
  const known = modules.get(url);
  if (known !== undefined) return known;
  const module = new vm.SourceTextModule(readFileSync(fileURLToPath(url), "utf8"), { identifier: url, context });
  modules.set(url, module);
  return module;
}

function resolve(specifier: string, from: string): string {
  if (specifier.startsWith(".")) return new URL(specifier, from).href;
  const url = import.meta.resolve(specifier);
  if (!url.startsWith("file:")) throw new Error(`${specifier} is imported by ${from}: not in a browser`);
  return url;
}

const names = readdirSync(folder).filter((name) => name.endsWith(".js"));
const program = [
  ...names.map((name, i) => `import * as m${i} from ${JSON.stringify(pathToFileURL(join(folder, name)).href)};`),
  `const all = Object.assign({}, ${names.map((_, i) => `m${i}`).join(", ")});`,
  "const bytes = Uint8Array.from(new TextEncoder().encode(seed));",
  "const { keys } = all.deterministicKeys(bytes, 1);",
  "const digest = all.sha256(bytes);",
  "const signature = all.signHash(digest, keys[0].secret);",
  "const signer = all.recoverSigner(digest, signature);",
  "const phrase = all.generateMnemonic(128);",
  "all.validateMnemonic(phrase);",
  "globalThis.result = JSON.stringify({ address: all.encodeAddress(all.addressOf(keys[0].public)),",
  "  recovered: all.encodeAddress(signer.address), words: phrase.split(' ').length });",
].join("\n");

const main = new vm.SourceTextModule(program, { identifier: pathToFileURL(join(folder, "main.js")).href, context });
await main.link((specifier, from) =>
  load(specifier.startsWith("file:") ? specifier : resolve(specifier, from.identifier)),
);
await main.evaluate();
const result = JSON.parse((context as { result: string }).result);
console.log(JSON.stringify({ ...result, modules: names }));
