// Tokens of files as an editor sees them: node tokenise.mjs GRAMMAR FILE… prints JSON, one list for each file.
// A token is [line, start, end, [scope, …]], all from 0.

import fs from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

const [grammarPath, ...files] = process.argv.slice(2);
const wasm = fs.readFileSync(require.resolve("vscode-oniguruma").replace(/main\.js$/, "onig.wasm"));
await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));

const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(fs.readFileSync(grammarPath, "utf-8"), grammarPath),
});

const grammar = await registry.loadGrammar("source.frules");
const result = files.map((file) => {
  let state = textmate.INITIAL;
  const tokens = [];
  fs.readFileSync(file, "utf-8").split("\n").forEach((line, number) => {
    const found = grammar.tokenizeLine(line, state);
    state = found.ruleStack;
    for (const token of found.tokens) {
      tokens.push([number, token.startIndex, token.endIndex, token.scopes]);
    }
  });
  return tokens;
});
process.stdout.write(JSON.stringify(result));
