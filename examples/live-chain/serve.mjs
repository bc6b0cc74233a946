// Serves a page that follows a chain live, checking every block in the browser. Beside `npm start`:
//
//   node examples/live-chain/serve.mjs [--dir loginchain-data] [--url ws://127.0.0.1:6480/p2p/v2] [--port 6490]
//
// The chain's identity (publisher key, genesis block) is read from the operator's own file, not asked of the node that
// the page connects to: that is what makes the check one.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { makeGenesisBlock } from "../../dist/chain/genesis.js";
import { loadDaemonConfig } from "../../dist/config/config.js";
import { blockHash, hashHex } from "../../dist/index.js";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    dir: { type: "string", default: "loginchain-data" },
    url: { type: "string", default: "ws://127.0.0.1:6480/p2p/v2" },
    port: { type: "string", default: "6490" },
  },
});

const { params } = await loadDaemonConfig({
  argv: ["--disable-default-peers"],
  env: { HOME: process.env.HOME, FIBER_TOML: join(values.dir, "login_peer.toml") },
});
const chain = {
  url: values.url,
  publisherKey: Buffer.from(params.publisherKey).toString("hex"),
  genesisHash: hashHex(blockHash(makeGenesisBlock(params.genesis))),
};
const bundle = await build({
  entryPoints: [join(here, "page.js")],
  bundle: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  minify: true,
  write: false,
});

const files = {
  "/": ["text/html; charset=utf-8", await readFile(join(here, "index.html"))],
  "/style.css": ["text/css; charset=utf-8", await readFile(join(here, "style.css"))],
  "/page.js": ["text/javascript; charset=utf-8", bundle.outputFiles[0].contents],
  "/chain.json": ["application/json", JSON.stringify(chain)],
};
const policy = `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ${new URL(values.url).origin}`;

const server = createServer((request, response) => {
  const file = files[request.url ?? ""];
  if (file === undefined) return void response.writeHead(404).end();
  response.writeHead(200, { "content-type": file[0], "content-security-policy": policy }).end(file[1]);
});
server.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`live chain  http://127.0.0.1:${server.address().port}   follows ${values.url}`);
});
