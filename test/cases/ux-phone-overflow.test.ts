// Regression test: report.html was 833 pixels wide on a phone of 420 once rows were marked: the marks' text
// for screen readers has an absolute position, and the scrolling frame did not contain it. Expected: the page
// fits the screen.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { benchInside } from '../cli/inside.ts';
import { writeLabelled } from './labelled-results.ts';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

describe.skipIf(!existsSync(executablePath))('the page on a phone (Debian: chromium; or CHROMIUM)', () => {
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
    browser = await chromium.launch({
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });
  afterAll(async () => {
    await browser.close();
    await rm(root, { recursive: true });
  });

  test.each([420, 360, 320])('%i pixels wide', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    await page.goto(pathToFileURL(join(root, 'out', 'report.html')).href);
    expect(await page.locator('#results-rows strong').count()).toBeGreaterThan(0);
    // The button beside the title keeps its words on one line.
    expect((await page.locator('#theme').boundingBox())!.height).toBeLessThan(50);
    await page.locator('#methods summary').click();
    for (const summary of await page.locator('figure summary').all()) await summary.click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    await page.evaluate('scrollTo(400, 0)');
    expect(await page.evaluate('scrollX')).toBe(0);
    await page.close();
  });
});
