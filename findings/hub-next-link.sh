#!/usr/bin/env bash
# @huggingface/hub 2.17.5 (npm): listFiles ends a list early, without an error, where the server writes the next page's Link
# header in another form that RFC 8288 allows: a relative address, no space after the semicolon, or rel without quotes.
# Output seen (two pages of one file each):
#   <absolute>; rel="next"      2 files
#   <absolute>;rel="next"       1 files
#   <absolute>; rel=next        1 files
#   <relative>; rel="next"      1 files
# deltabench rewrites the header into the first form before the library reads it (harness/data/hub/hub.ts).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --prefix "$folder" @huggingface/hub@2.17.5 >/dev/null
cat >list.mjs <<'JS'
import { createServer } from 'node:http';
import { listFiles } from '@huggingface/hub';

const forms = [
  ['<absolute>; rel="next"', (url) => `<${url}>; rel="next"`],
  ['<absolute>;rel="next"', (url) => `<${url}>;rel="next"`],
  ['<absolute>; rel=next', (url) => `<${url}>; rel=next`],
  ['<relative>; rel="next"', (url) => `<${url.pathname}${url.search}>; rel="next"`],
];
let form;
const server = createServer((request, response) => {
  const url = new URL(request.url, `http://${request.headers.host}`);
  const second = url.searchParams.has('cursor');
  const file = { type: 'file', path: second ? 'b' : 'a', size: 1, oid: '0'.repeat(40) };
  url.searchParams.set('cursor', '1');
  response.writeHead(200, { 'content-type': 'application/json', ...(!second && { link: form(url) }) });
  response.end(JSON.stringify([file]));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const counts = [];
for (const [name, write] of forms) {
  form = write;
  const files = [];
  const hubUrl = `http://127.0.0.1:${server.address().port}`;
  for await (const { path } of listFiles({ repo: 'a/b', recursive: true, hubUrl })) files.push(path);
  console.log(`${name.padEnd(27)} ${files.length} files`);
  counts.push(files.length);
}
server.close();
process.exit(counts.join() === '2,1,1,1' ? 0 : 1);
JS
node -p '"@huggingface/hub " + JSON.parse(fs.readFileSync("node_modules/@huggingface/hub/package.json", "utf8")).version'
node list.mjs
