// Tests of the report's HTML page in Chromium: tables, filters, contrast, narrow screens and hostile text.
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scriptJson } from '../../../harness/reporting/report/html.ts';
import { benchInside } from '../../cli/inside.ts';
import { hasChromium, launchChromium, newPage } from './chromium.ts';
import { publishedResult, writeJudgement, writeResults } from '../synthetic.ts';

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(root, { recursive: true }));

const hostile =
  `<img src=x onerror="document.title='owned'"></script>` +
  `<script>document.title='owned'</script><!-- \u2028 &amp;`;

/** Browser code: WCAG contrast of all visible texts, or of given elements' colour, against the background. */
const measureContrasts = `(given) => {
  const parse = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if ((color[3] ?? 1) > 0) return color;
    }
    return [255, 255, 255];
  };
  const hasText = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
  const texts = [...document.body.querySelectorAll('*')].filter(
    (one) => hasText(one) && one.checkVisibility() && one.tagName !== 'SCRIPT' && !one.disabled,
  );
  return (given ?? texts).map((one) => {
    const front = luminance(parse(getComputedStyle(one).color));
    const back = luminance(behind(given ? one.parentElement : one));
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    return { text: one.textContent.slice(0, 40), ratio };
  });
}`;

test('data in the page cannot end their script', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = scriptJson([value, hostile]);
      expect(json).not.toMatch(/[<>&\u2028\u2029]/);
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify([value, hostile])));
    }),
  );
});

describe.skipIf(!hasChromium)('the page in Chromium (Debian: chromium; or CHROMIUM)', () => {
  let browser: Browser;
  let url = '';
  const complaints: string[] = [];

  beforeAll(async () => {
    const results = join(root, 'results');
    const out = join(root, 'reports');
    await writeResults(results, {
      tasks: ['dart', 'e2e', 'webnlg'],
      models: ['gpt2'],
      seeds: [1, 2, 3],
      text: hostile,
    });
    await writeFile(join(results, `seed-9'"><b>.json`), '{');
    await writeJudgement(results, hostile);
    const published = join(root, 'published');
    await mkdir(published);
    for (const [name, accuracy] of [['lora/a', 0.5] as const, ['red/b', 0.25] as const])
      await writeFile(join(published, `${accuracy}.json`), JSON.stringify(publishedResult(name, accuracy)));
    const options = ['--out', out, '--format', 'html', '--published', published];
    const report = await benchInside(root)('report', '--results', results, ...options);
    expect(report.exitCode, report.stderr).toBe(0);
    url = pathToFileURL(join(out, 'report.html')).href;
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  async function open(width = 1200, colorScheme: 'light' | 'dark' = 'light', address = url): Promise<Page> {
    const page = await newPage(browser, { viewport: { width, height: 800 }, colorScheme });
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (request.url() !== address) complaints.push(`asked for ${request.url()}`);
    });
    await page.goto(address);
    return page;
  }
  const column = (page: Page, number: number, table = 'results-rows') =>
    page.locator(`#${table} tbody tr > :nth-child(${number})`).allInnerTexts();

  test('methods by tasks stand first, follow the filter, and the settings that differ are side by side', async () => {
    const page = await open();
    const heads = await page.locator('#main-rows thead th').allInnerTexts();
    expect(heads).toEqual([
      ...['Method', 'Trainable', 'dart BLEU\u00a0↑', 'e2e BLEU\u00a0↑', 'webnlg BLEU\u00a0↑'],
      ...['Average', 'Mean rank', 'Wins', 'n'],
    ]);
    await page.locator('#main-rows thead button', { hasText: 'Average' }).click();
    const averages = (await column(page, 6, 'main-rows')).map(parseFloat);
    expect(averages).toEqual([...averages].sort((a, b) => b - a));
    await page.fill('#filter', 'lora | bitfit');
    await expect.poll(() => column(page, 1, 'main-rows')).toHaveLength(2);
    await page.locator('#settings summary').click();
    expect(await column(page, 1, 'settings-rows')).toEqual(['methods.0.name', 'methods.0.options.variant']);
    const sides = [await column(page, 2, 'settings-rows'), await column(page, 3, 'settings-rows')];
    expect(sides.map(([name]) => name).sort()).toEqual(['bitfit', 'lora']);
  });

  test('loads from its file, draws every chart, asks for nothing and complains of nothing', async () => {
    const page = await open();
    const figures = await page.evaluate<string[]>(
      `[...document.querySelectorAll('figure')].map(({ id }) => id)`,
    );
    expect(figures).toEqual(
      ['parameters', 'time', 'memory', 'curves', 'seeds', 'ablations', 'tasks'].map(
        (name) => `chart-${name}`,
      ),
    );
    const blank = await page.evaluate<boolean[]>(
      `[...document.querySelectorAll('canvas')].map((canvas) =>
        new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size < 10)`,
    );
    expect(blank).toEqual(Array(7).fill(false));
    expect(await page.title()).toBe('deltabench report');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('judged answers stand side by side with verdict and order, published results have a part', async () => {
    const page = await open();
    expect(await page.locator('#judged-rows caption').innerText()).toBe(
      'mt-bench · gpt2 · LoRA, against rival, judged by judge',
    );
    const [first] = await page.locator('#judged-turns article').all();
    const text = await first!.innerText();
    for (const part of ['Question 1 (writing), turn 2', 'First?', 'One.', 'answer 1', 'tie', hostile])
      expect(text).toContain(part);
    expect(text).toContain('LoRA shown first: LoRA is better; rival shown first: rival is better');
    const boxes = await Promise.all(
      (await first!.locator('.answer').all()).map((side) => side.boundingBox()),
    );
    expect(boxes[0]!.y).toBe(boxes[1]!.y);
    await page.getByRole('button', { name: 'Next turns' }).click();
    expect(await page.locator('#judged-turns h3').allInnerTexts()).toEqual(['Question 4 (writing), turn 2']);
    expect(await column(page, 1, 'published-rows-0')).toEqual(['lora/a', 'red/b']);
    await page.locator('#published-rows-0 thead button', { hasText: 'accuracy' }).click();
    await page.locator('#published-rows-0 thead button', { hasText: 'accuracy' }).click();
    expect(await column(page, 1, 'published-rows-0')).toEqual(['red/b', 'lora/a']);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('sorts by a column and back, by keyboard too, and says so', async () => {
    const page = await open();
    const header = page.locator('#results-rows th', { hasText: 'BLEU' });
    const values = async () => (await column(page, 3)).map(parseFloat);
    expect(await header.getAttribute('aria-sort')).toBeNull();
    await header.locator('button').click();
    expect(await header.getAttribute('aria-sort')).toBe('descending');
    const falling = await values();
    expect(falling).toHaveLength(11);
    expect(falling).toEqual(falling.toSorted((a, b) => b - a));
    // Sorting replaces the button, which must keep the focus.
    await page.keyboard.press('Enter');
    expect(await header.getAttribute('aria-sort')).toBe('ascending');
    expect(await values()).toEqual(falling.toReversed());
    await page.locator('#results-rows th', { hasText: 'Method' }).locator('button').click();
    const names = await column(page, 1);
    expect(names).toEqual(names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })));
    await page.context().close();
  });

  test('filters tables and charts by method, and switches tables', async () => {
    const page = await open();
    await page.getByLabel('Filter by method').fill('red no');
    await expect.poll(() => page.locator('#results-rows tbody tr').count()).toBe(2);
    expect(await column(page, 1)).toEqual(['RED (no bias)', 'RED (no scaling)']);
    await page.locator('#chart-seeds summary').click();
    await expect.poll(() => column(page, 1, 'rows-seeds')).toEqual(['RED (no scaling)', 'RED (no bias)']);
    expect(await column(page, 1, 'runs-rows')).toHaveLength(6);
    await page.getByLabel('Filter by method').fill('');
    await expect.poll(() => page.locator('#results-rows tbody tr').count()).toBe(11);
    await page.locator('#methods summary').click();
    await page.getByLabel('LoRA', { exact: true }).uncheck();
    expect(await column(page, 1)).not.toContain('LoRA');
    expect(await page.locator('#shown').innerText()).toBe('10 of 11 shown');
    await page.getByLabel('Task and base').selectOption('webnlg · gpt2');
    expect(await page.locator('#results-rows caption').innerText()).toContain('webnlg · gpt2: 10 of 11 rows');
    await page.context().close();
  });

  test('hides columns, draws any two with their front, and keeps both in the address', async () => {
    const page = await open();
    const headers = () => page.locator('#results-rows thead th').allInnerTexts();
    const all = await headers();
    await page.locator('#columns summary').click();
    await page.getByLabel('ms/step', { exact: true }).uncheck();
    expect(await headers()).toEqual(all.filter((name) => name !== 'ms/step'));
    expect(await page.locator('#columns-shown').innerText()).toBe(
      `${all.length - 2} of ${all.length - 1} shown`,
    );
    expect(await page.locator('#chart-columns').count()).toBe(0);
    await page.getByLabel('Picture of two columns: across').selectOption('Memory, GB');
    await page.getByLabel('and up').selectOption('Trainable');
    expect(await page.locator('#chart-columns h3').innerText()).toBe('Trainable against Memory, GB');
    await page.locator('#chart-columns summary').click();
    // The browser tells the page of an opened summary only after the click, and the page fills it then.
    await expect
      .poll(async () => new Set(await column(page, 4, 'rows-columns')))
      .toEqual(new Set(['yes', 'no']));
    await page.reload();
    expect(await headers()).toEqual(all.filter((name) => name !== 'ms/step'));
    expect(await page.locator('#chart-columns h3').innerText()).toBe('Trainable against Memory, GB');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('a bar in the filter stands for or, and the address keeps what is chosen', async () => {
    const page = await open();
    await page.getByLabel('Filter by method').fill('red no | LoRA');
    await expect.poll(() => column(page, 1)).not.toContain('RED');
    const chosen = await column(page, 1);
    expect(chosen).toEqual(expect.arrayContaining(['RED (no bias)', 'RED (no scaling)', 'LoRA']));
    await page.locator('#methods summary').click();
    await page.getByLabel('LoRA', { exact: true }).uncheck();
    await page.getByLabel('Task and base').selectOption('webnlg · gpt2');
    await page.getByLabel('Metric of the charts').selectOption({ index: 1 });
    const state = async () => ({
      rows: await column(page, 1),
      table: await page.getByLabel('Task and base').inputValue(),
      metric: await page.getByLabel('Metric of the charts').inputValue(),
      filter: await page.getByLabel('Filter by method').inputValue(),
    });
    const before = await state();
    expect(before).toMatchObject({ table: 'webnlg · gpt2', filter: 'red no | LoRA' });
    const address = await page.evaluate<string>('location.href');
    await page.reload();
    expect(await state()).toEqual(before);
    // Names that another report has not are passed over.
    await page.goto('about:blank');
    await page.goto(address.replace(/#.*/, '#table=none&metric=none&off=none'));
    expect(await column(page, 1)).toHaveLength(11);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('text from models stands there as text', async () => {
    const page = await open();
    expect(await column(page, 2, 'answers-0')).toEqual(Array(11).fill(hostile));
    await page.getByRole('button', { name: 'Next examples' }).click();
    expect(await page.locator('#examples article h3').allInnerTexts()).toEqual([
      'Example 3',
      'Example 4',
      'Example 5',
    ]);
    expect(await page.locator('#untrusted-rows tbody').innerText()).toContain(`seed-9'"><b>.json`);
    expect(await page.locator('img, b').count()).toBe(0);
    expect(await page.title()).toBe('deltabench report');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('every run has its settings and where they came from; the failed one its reason', async () => {
    const page = await open();
    await page.getByLabel('Filter by method').fill('prefix');
    await expect.poll(() => page.locator('#runs-rows tbody tr').count()).toBe(3);
    expect((await column(page, 3, 'runs-rows'))[1]).toMatch(/^failed: Diverged: the loss became/);
    await page.getByRole('button', { name: 'Details of Prefix, seed 2' }).click();
    const text = await page.getByRole('dialog').innerText();
    for (const part of [
      'dart/gpt2/prefix/seed-2.json',
      'recipe.learningRate',
      'environment.node',
      'code.commit',
    ]) {
      expect(text).toContain(part);
    }
    await page.getByRole('button', { name: 'Close' }).click();
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('fits a phone of 360 pixels', async () => {
    const page = await open(360);
    await page.locator('#methods summary').click();
    for (const summary of await page.locator('figure summary').all()) await summary.click();
    await expect.poll(() => page.locator('figure details:has(table)').count()).toBe(7);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    const wide = await page.evaluate<boolean[]>(
      `[...document.querySelectorAll('canvas')].map((canvas) => canvas.getBoundingClientRect().right > 360)`,
    );
    expect(wide).toEqual(Array(7).fill(false));
    await page.context().close();
  });

  test.each(['light', 'dark'] as const)(
    '%s: text and signs stand out, everything has a name',
    async (scheme) => {
      const page = await open(1200, scheme);
      // Measures each element with text of its own against its nearest background that is not transparent.
      const contrasts = await page.evaluate<
        {
          text: string;
          ratio: number;
        }[]
      >(`(${measureContrasts})()`);
      expect(contrasts.length).toBeGreaterThan(200);
      expect(contrasts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
      const signs = await page.evaluate<{ ratio: number }[]>(
        `(${measureContrasts})([...document.querySelectorAll('#results-rows .swatch')])`,
      );
      expect(signs.length).toBe(11);
      expect(Math.min(...signs.map(({ ratio }) => ratio))).toBeGreaterThan(3);
      const nameless = await page.evaluate(
        `[...document.querySelectorAll('button, input, select, canvas, table, [tabindex="0"]')].filter((one) =>
        !(one.ariaLabel || one.labels?.length || one.textContent.trim() || one.caption))
          .map(({ outerHTML }) => outerHTML)`,
      );
      expect(nameless).toEqual([]);
      await page.getByRole('button', { name: scheme === 'light' ? 'Dark theme' : 'Light theme' }).click();
      const after = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(after).toBe(scheme === 'light' ? 'rgb(23, 26, 33)' : 'rgb(255, 255, 255)');
      await page.context().close();
    },
  );

  test('the page holds a strict policy and no address', async () => {
    const html = await readFile(new URL(url), 'utf8');
    expect(html).toMatch(
      /Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+';/,
    );
    expect(html).not.toMatch(/(src|href)="(?!#)/);
    expect((await stat(new URL(url))).size).toBeLessThan(1e6);
  });

  test('5,000 records make a page that works', async () => {
    const [results, out] = [join(root, 'many'), join(root, 'many-reports')];
    const models = ['gpt2', 'gpt2-medium', 'gpt2-large', 'a/b'];
    const seeds = Array.from({ length: 23 }, (_, i) => i);
    const paths = await writeResults(results, {
      tasks: ['e2e', 'dart', 'webnlg', 'viggo', 'cola'],
      models,
      seeds,
    });
    expect(paths.length).toBeGreaterThan(5000);
    const report = await benchInside(root)('report', '--results', results, '--out', out);
    expect(report.stdout).toBe(
      [
        ...['report.md', 'report.tex', 'records.csv', 'report.html'].map((name) => join(out, name)),
        `${join(out, 'tables')} (48 files)`,
      ].join('\n'),
    );
    const file = join(out, 'report.html');
    expect((await stat(file)).size).toBeLessThan(8e6);
    const page = await open(1200, 'light', pathToFileURL(file).href);
    await page.locator('#results-rows th', { hasText: 'BLEU' }).locator('button').click();
    await page.getByLabel('Task and base').selectOption('webnlg · gpt2');
    expect(await page.locator('#runs-rows caption').innerText()).toBe('webnlg · gpt2: 253 runs');
    expect(await page.locator('#runs-rows tbody tr').count()).toBe(25);
    const limits = await page.locator('#limits').innerText();
    expect(limits).toContain('at most 22 test examples');
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
