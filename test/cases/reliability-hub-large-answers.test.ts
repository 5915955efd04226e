// Regression test: answers of the hub had no limit of size, and 194 KB of gzip that expand to 200 MB took 953
// MiB. Expected: an answer above eight megabytes is refused, in little memory. Answers are made by gzipSync.
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { fetchFromHub } from '../../harness/data/hub/hub.ts';
import { hubOf, model, refusal, wanted } from './hub.ts';

const questions = { commit: '/revision/', list: '/tree/' };
const cases = (Object.keys(questions) as (keyof typeof questions)[]).flatMap((kind) => [
  { kind, how: 'packed' },
  { kind, how: 'plain' },
]);

test.each(cases)('the answer for the $kind, $how', async ({ kind, how }) => {
  const hub = await hubOf(model);
  const packed = gzipSync(`{"sha":"${'a'.repeat(50e6)}"}`);
  hub.intercept = (_, response, url) => {
    if (!url.pathname.includes(questions[kind])) return false;
    if (how === 'packed') response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    else {
      // The server writes without end as long as the client reads.
      const more = (): void =>
        void response.write(' '.repeat(65_536), (error) => error ?? setImmediate(more));
      response.writeHead(200);
      more();
    }
    return true;
  };
  const before = process.memoryUsage().arrayBuffers;
  expect(await refusal(wanted)).toMatch(
    /answers for the model acme\/tiny with more than 8 MB where a hub sends less/,
  );
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40e6);
});

test('a file that is packed on its way may not be larger than listed', async () => {
  const hub = await hubOf(model);
  hub.intercept = (_, response, url) => {
    if (!url.pathname.includes('/resolve/')) return false;
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('a'.repeat(50e6)));
    return true;
  };
  expect(await refusal(wanted)).toMatch(/sends more of config\.json than the 2 bytes that it lists/);
});

test('a list of three megabytes is read', async () => {
  const hub = await hubOf(model);
  const entries = Array.from({ length: 10_000 }, (_, i) => ({
    type: 'file',
    path: `${'x'.repeat(200)}/${i}.json`,
    size: 2,
    oid: 'a'.repeat(40),
  }));
  hub.intercept = (_, response, url) => {
    if (!url.pathname.includes('/tree/')) return false;
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify(entries)));
    return true;
  };
  expect((await fetchFromHub({ ...wanted, files: () => false })).files).toEqual([]);
});
