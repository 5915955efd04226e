// Regression test: report.html was 833 pixels wide on a phone of 420 once rows were marked: the marks' text
// for screen readers has an absolute position, and the scrolling frame did not contain it. Expected: the page
// fits the screen.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { benchInside } from '../cli/inside.ts';
import { hasChromium, launchChromium, newPage } from '../reporting/report/chromium.ts';
import { writeLabelled } from './labelled-results.ts';

describe.skipIf(!hasChromium)('the page on a phone (Debian: chromium; or CHROMIUM)', () => {
  let root = '';
  let browser: Browser;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'deltabench-'));
    await writeLabelled(
      join(root, 'results'),
      [
        'Frozen base',
        'Adapter_FFN',
        'LoRA (targets=query,key,value,attentionOutput,mlpUp,mlpOutput)',
        'FT',
      ].map((name, i) => ({ name, right: [0.5 + 0.1 * i, 0.51 + 0.1 * i, 0.5 + 0.1 * i] })),
    );
    const report = await benchInside(root)(
      'report',
      '--results',
      join(root, 'results'),
      '--out',
      join(root, 'out'),
      '--format',
      'html',
    );
    expect(report.exitCode, report.stderr).toBe(0);
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await rm(root, { recursive: true });
  });

  test.each([420, 360, 320])('%i pixels wide', async (width) => {
    const page = await newPage(browser, { viewport: { width, height: 900 } });
    await page.goto(pathToFileURL(join(root, 'out', 'report.html')).href);
    expect(await page.locator('#results-rows strong').count()).toBeGreaterThan(0);
    // The button beside the title keeps its words on one line.
    expect((await page.locator('#theme').boundingBox())!.height).toBeLessThan(50);
    await page.locator('#methods summary').click();
    const summaries = await page.locator('figure summary').all();
    for (const summary of summaries) await summary.click();
    // The page fills a table once the browser tells it that the table was opened.
    await expect.poll(() => page.locator('figure details:has(table)').count()).toBe(summaries.length);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    await page.evaluate('scrollTo(400, 0)');
    expect(await page.evaluate('scrollX')).toBe(0);
    await page.context().close();
  });
});
