import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cleanedTarget, redirectPage } from "../../../src/api/clean-path.ts";
import { FormValues, splitList, unescapeQuery } from "../../../src/api/form.ts";

function form(parts: { method?: string; query?: string; contentType?: string; body?: string }): FormValues {
  const { method = "POST", query = "", contentType = "application/x-www-form-urlencoded", body = "" } = parts;
  return new FormValues({ method, query, contentType, body: Buffer.from(body) });
}

test("an url-encoded body goes before the query, the first value wins", () => {
  const values = form({ query: "a=query&b=query", body: "a=body&a=later" });
  assert.equal(values.get("a"), "body");
  assert.equal(values.get("b"), "query");
  assert.equal(values.get("c"), "");
});

test("GET and DELETE have no body parameters, nor has a body of another type", () => {
  for (const method of ["GET", "DELETE"]) assert.equal(form({ method, query: "a=1", body: "a=2" }).get("a"), "1");
  assert.equal(form({ contentType: "application/json", body: "a=2" }).get("a"), "");
  assert.equal(form({ contentType: "Application/X-WWW-Form-Urlencoded; charset=utf-8", body: "a=2" }).get("a"), "2");
});

test("a malformed escape or a semicolon drops that pair only", () => {
  const values = form({ method: "GET", query: "a=%zz&a=1&b=x;c=2&d=%4&e=%41+b" });
  assert.deepEqual(
    ["a", "b", "c", "d", "e"].map((name) => values.get(name)),
    ["1", "", "", "", "A b"],
  );
});

const CRLF = "\r\n";

function multipart(...parts: [disposition: string, text: string][]): string {
  const lines = parts.flatMap(([disposition, text]) => ["--x", `Content-Disposition: ${disposition}`, "", text]);
  return [...lines, "--x--", ""].join(CRLF);
}

test("multipart parts are read behind the query, files are not", () => {
  const contentType = 'multipart/form-data; boundary="x"';
  const body = multipart(
    ['form-data; name="a"', "1"],
    ["form-data; name=b", `two${CRLF}lines`],
    ['form-data; name="c"; filename="f"', "3"],
    ['attachment; name="d"', "4"],
    ['form-data; name="q"', "part"],
  );
  const values = form({ contentType, query: "q=query", body });
  assert.deepEqual(
    ["a", "b", "c", "d", "q"].map((name) => values.get(name)),
    ["1", "two\r\nlines", "", "", "query"],
  );
});

test("a multipart body that is cut short has no values", () => {
  const contentType = "multipart/form-data; boundary=x";
  const whole = multipart(['form-data; name="a"', "1"]);
  for (let end = 0; end < whole.length - 4; end++) {
    assert.equal(form({ contentType, body: whole.slice(0, end) }).get("a"), "", `cut at ${end}`);
  }
});

test("any text survives the way through a query", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (name, value) => {
      const query = new URLSearchParams([[name, value]]).toString();
      assert.equal(form({ method: "GET", query }).get(name), value);
    }),
  );
});

test("escapes that are not UTF-8 become the replacement character", () => {
  assert.equal(unescapeQuery("a%ffb"), "a\ufffdb");
});

test("lists are split at commas and any white space, without empty items and repetitions", () => {
  assert.deepEqual(splitList(" a,b\n\u00a0c,,a\u2003b, "), ["a", "b", "c"]);
  assert.deepEqual(splitList(",, \t"), []);
});

test("a target that is not clean is sent to the clean one, with its query", () => {
  assert.equal(cleanedTarget("/api/v1/version?a=//"), undefined);
  assert.equal(cleanedTarget("/api//v1/./version?a=//&b=%2e"), "/api/v1/version?a=//&b=%2e");
  assert.equal(cleanedTarget("/a/%2e%2e/b%20c(d)"), "/b%20c%28d%29");
  assert.equal(cleanedTarget("/%zz/.."), undefined);
  assert.equal(redirectPage('/<"&'), '<a href="/&lt;&#34;&amp;">Moved Permanently</a>.\n\n');
});
