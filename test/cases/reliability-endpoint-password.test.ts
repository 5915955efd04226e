// Regression test: a password in HF_ENDPOINT was printed. Expected: an address with a user, a password or a
// query is refused when it is read, and no output holds them. Addresses are made up; a hub on loopback
// redirects to some.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test, vi } from 'vitest';
import { shownAddress, withoutSecrets } from '../../harness/support/network/addresses.ts';
import { projectRoot } from '../../harness/support/project-root.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { hubOf, model, refusal, wanted } from './hub.ts';
import { commandLine } from '../cli/command-line.ts';

vi.mock('node:timers/promises', () => ({ setTimeout: () => Promise.resolve() }));

const addresses = [
  'http://user:SECRET@127.0.0.1:9',
  'https://SECRET@127.0.0.1:9/hub',
  'http://:SECRET@127.0.0.1:9',
  'http://user:SEC@RET@127.0.0.1:9',
  'http://user:SE?C#RET@127.0.0.1:9',
  'http://user:SE/CRET@127.0.0.1:9',
  'http://user:1/SECRET@127.0.0.1:9',
  'http://127.0.0.1:9/?token=SECRET',
  'http://127.0.0.1:9/#SECRET',
  'user:SECRET@127.0.0.1:9',
  '//user:SECRET@127.0.0.1:9',
  'ftp://user:SECRET@127.0.0.1:9',
  'http://user:SECRET@127.0.0.1:99999999',
  'http://user:SECRET@',
  ' http://user:SECRET@127.0.0.1:9/ ',
];
const secret = /SEC|RET/;

test.each(addresses)('HF_ENDPOINT=%s', async (address) => {
  await hubOf(model);
  vi.stubEnv('HF_ENDPOINT', address);
  const line = await refusal(wanted);
  expect(line).toMatch(
    /^HF_ENDPOINT .*(holds a user, a password, a query or a fragment|it must be the http)/,
  );
  expect(line).not.toMatch(secret);
});

describe('a hub that sends elsewhere', () => {
  test.each([
    'http://user:SECRET@127.0.0.1:9/x',
    'http://127.0.0.1:9/x?signature=SECRET',
    'ftp://SECRET@x/',
    'http://[SECRET',
  ])('to %s', async (address) => {
    const hub = await hubOf(model);
    vi.stubEnv('HF_TOKEN', 'hf_SECRET_RET');
    hub.intercept = (_, response, url) => {
      if (!url.pathname.includes('/resolve/')) return false;
      response.writeHead(302, { location: address }).end();
      return true;
    };
    expect(await refusal(wanted)).not.toMatch(secret);
  });

  test('to a name with the token in it', async () => {
    const hub = await hubOf(model);
    vi.stubEnv('HF_TOKEN', 'hfSECRETRET');
    hub.intercept = (_, response) => {
      response.writeHead(302, { location: 'http://hfSECRETRET.localhost:9/' }).end();
      return true;
    };
    expect(await refusal(wanted)).not.toMatch(/hfSECRET/i);
  });

  test('by the next page of its list', async () => {
    const hub = await hubOf(model);
    hub.intercept = (_, response, url) => {
      if (!url.pathname.includes('/tree/')) return false;
      response.writeHead(200, { link: `<http://user:SECRET@127.0.0.1:9/>; rel="next"` }).end('[]');
      return true;
    };
    expect(await refusal(wanted)).not.toMatch(secret);
  });
});

test('the command line prints and writes none of it', async () => {
  const folder = await temporaryFolder();
  const { stdout, stderr, exitCode } = await execa('node', [...commandLine, 'fetch', 'model', 'acme/tiny'], {
    cwd: projectRoot,
    reject: false,
    env: { HF_ENDPOINT: addresses[0]!, HF_HOME: folder, DELTABENCH_DEBUG: '1' },
  });
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^error: HF_ENDPOINT \(http:\/\/127\.0\.0\.1:9\) holds a user, .*$/m);
  expect(stderr).not.toMatch(secret);
  for (const file of await readdir(folder, { recursive: true })) {
    expect(await readFile(join(folder, file), 'utf8').catch(() => '')).not.toMatch(secret);
  }
});

test('doctor refuses it in the same words', async () => {
  const { all, exitCode } = await execa('node', [...commandLine, 'doctor'], {
    cwd: projectRoot,
    reject: false,
    all: true,
    env: { HF_ENDPOINT: addresses[0]! },
  });
  expect(exitCode).toBe(1);
  expect(all).toMatch(/^✗ +hub +HF_ENDPOINT \(http:\/\/127\.0\.0\.1:9\) holds a user, /m);
  expect(all).not.toMatch(secret);
});

test('an address in the place of a model is refused without its password', async () => {
  const folder = await temporaryFolder();
  const model = 'https://user:SECRET@127.0.0.1:9/acme/tiny?key=SECRET';
  const { all, exitCode } = await execa('node', [...commandLine, 'fetch', 'model', model], {
    cwd: projectRoot,
    reject: false,
    all: true,
    env: { HF_HOME: folder },
  });
  expect(exitCode).toBe(2);
  expect(all).toContain('https://127.0.0.1:9/acme/tiny');
  expect(all).not.toMatch(secret);
});

test('addresses in texts of others', () => {
  expect(shownAddress('https://hub.example/path')).toBe('https://hub.example/path');
  expect(withoutSecrets('no https://a:SECRET@b.example/simple/?key=SECRET, nor "http://c/d#SECRET"')).toBe(
    'no https://b.example/simple/ nor "http://c/d"',
  );
});
