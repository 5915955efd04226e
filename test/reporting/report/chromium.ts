/** Chromium for the tests of the report's page, without time limits but the tests' own. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Whether there is a Chromium (Debian: chromium; or CHROMIUM). */
export const hasChromium = existsSync(executablePath);

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    timeout: 0,
    args: (
      '--no-sandbox --disable-gpu --disable-quic --no-first-run ' +
      '--disable-background-networking --disable-component-update --disable-sync'
    ).split(' '),
  });
}

/** Opens an empty page in a context of its own. */
export async function newPage(browser: Browser, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext(options);
  // The timeout of the test applies instead of Playwright's 30 seconds.
  context.setDefaultTimeout(0);
  return context.newPage();
}
