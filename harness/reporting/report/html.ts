/** The HTML page of a report: page/page.html with its style, scripts and data inside. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { PageData } from './page-data.ts';

const folder = join(import.meta.dirname, 'page');

/** Makes the page of a report: one file that loads nothing else. */
export async function htmlPage(data: PageData): Promise<string> {
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const chart = join(dirname(createRequire(import.meta.url).resolve('chart.js')), 'chart.umd.min.js');
  const [page, css, library, ...scripts] = await Promise.all([
    ...[read('page.html'), read('page.css'), readFile(chart, 'utf8')],
    ...[read('charts.js'), read('page.js')],
  ]);
  const style = `\n${css!}`;
  // The modules become one script, in which later files see what earlier ones export. The source map goes,
  // because browsers would fetch it.
  const own = scripts
    .join('\n')
    .replace(/^import .*$/gm, '')
    .replace(/^export /gm, '');
  const script = `\n${library!.replace(/^\/\/# sourceMappingURL=.*$/m, '')}\n(() => {\n${own}\n})();\n`;
  const policy = [
    "default-src 'none'",
    `script-src '${hashSource(script)}'`,
    `style-src '${hashSource(style)}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const parts: Record<string, string> = {
    policy: `<meta http-equiv="Content-Security-Policy" content="${policy}" />`,
    style: `<style>${style}</style>`,
    data: `<script id="data" type="application/json">${scriptJson(data)}</script>`,
    script: `<script>${script}</script>`,
  };
  // A replacement function, because a string would interpret `$&` in a text.
  return page!.replace(/<!-- (\w+) -->/g, (_, name: string) => parts[name]!);
}

/** Writes JSON that HTML parsers do not take for markup, nor scripts for the end of a line. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function hashSource(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
