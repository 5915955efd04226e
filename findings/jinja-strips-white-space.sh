#!/usr/bin/env bash
# @huggingface/jinja 0.5.11 (npm), which renders chat templates in JavaScript: strip, lstrip and rstrip take no notice of the
# characters that they are given and strip all white space; truths and none are written as true and nothing. Jinja2 3.1.6
# (PyPI), which transformers renders them with, does as Python does. Templates of reasoning models call rstrip('\n').
# Output seen (template, Jinja2's text, the library's):
#   {{ 'a \n'.rstrip('\n') }}|     "a |"    "a|"
#   {{ '\n a'.lstrip('\n') }}|     " a|"    "a|"
#   {{ 'xxaxx'.strip('x') }}|      "a|"     "xxaxx|"
#   {{ 1 < 2 }}|                   "True|"  "true|"
#   {{ none }}|                    "None|"  "|"
# deltabench calls methods of its own in place of the three (harness/data/tokenizers/python-strips.ts).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --prefix "$folder" @huggingface/jinja@0.5.11 >/dev/null
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check jinja2==3.1.6
cat >templates.json <<'JSON'
["{{ 'a \\n'.rstrip('\\n') }}|", "{{ '\\n a'.lstrip('\\n') }}|", "{{ 'xxaxx'.strip('x') }}|", "{{ 1 < 2 }}|", "{{ none }}|"]
JSON
"$folder/python/bin/python" - >python.json <<'PY'
import json
from jinja2 import Template
print(json.dumps([Template(text).render() for text in json.load(open("templates.json"))]))
PY
cat >compare.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { Template } from '@huggingface/jinja';

const read = (name) => JSON.parse(readFileSync(name, 'utf8'));
const expected = read('python.json');
const same = read('templates.json').map((text, i) => {
  const ours = new Template(text).render();
  console.log(text.padEnd(30), JSON.stringify(expected[i]).padEnd(8), JSON.stringify(ours));
  return ours === expected[i];
});
process.exit(same.includes(true) ? 1 : 0);
JS
node -p '"@huggingface/jinja " + JSON.parse(fs.readFileSync("node_modules/@huggingface/jinja/package.json", "utf8")).version'
"$folder/python/bin/python" -c 'import importlib.metadata; print("jinja2", importlib.metadata.version("jinja2"))'
node compare.mjs
