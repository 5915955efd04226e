// Regression test: Retry-After was ignored, commit and list were requested once only, and a silent hub held a
// run for twenty minutes. Expected: four attempts after the waits that the hub asks for, a minute at most,
// with a line; a connection without data for long counts as broken. Commit, list and files follow one rule.
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { fetchFromHub } from '../../harness/data/hub/hub.ts';
import { commitOf, type TestHub } from '../data/hub/hub-server.ts';
import { hubOf, model, refusal, wanted, weights } from './hub.ts';

// Records the waits instead of waiting.
const waits = vi.hoisted(() => [] as number[]);
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => {
    waits.push(ms);
    return Promise.resolve();
  },
}));
beforeEach(() => {
  waits.length = 0;
});

const asked = { commit: '/revision/', list: '/tree/', file: '/resolve/' };
const kinds = Object.keys(asked) as (keyof typeof asked)[];

/** Answers the first requests of a kind itself; gives the number of requests of the kind. */
function disturb(
  hub: TestHub,
  kind: keyof typeof asked,
  times: number,
  answer: (response: ServerResponse) => void,
): () => number {
  let count = 0;
  hub.intercept = (_, response, url) => {
    if (!url.pathname.includes(asked[kind]) || count++ >= times) return false;
    answer(response);
    return true;
  };
  return () => count;
}

async function fetched(silence?: number): Promise<string[]> {
  const notes: string[] = [];
  const request = { ...wanted, onNote: (text: string) => void notes.push(text) };
  const { folder } = await fetchFromHub({ ...request, ...(silence !== undefined && { silence }) });
  expect((await readFile(join(folder, 'model.safetensors'))).equals(weights)).toBe(true);
  return notes;
}

const inSeconds = (seconds: number) => new Date(Date.now() + 1000 * seconds).toUTCString();

describe.each(kinds)('asked for the %s', (kind) => {
  test.each([429, 503])('a hub that says %i once is asked again when it says', async (status) => {
    const hub = await hubOf(model);
    disturb(hub, kind, 1, (response) => response.writeHead(status, { 'retry-after': '8' }).end());
    expect(await fetched()).toEqual([
      `${hub.url} answers ${status} for the model acme/tiny and asks to wait 8 s; asking again then.`,
    ]);
    expect(waits).toEqual([8000]);
  });

  test('a hub that says no when is asked again after moments', async () => {
    const hub = await hubOf(model);
    disturb(hub, kind, 3, (response) => response.writeHead(503).end());
    expect(await fetched()).toEqual([]);
    expect(waits).toEqual([300, 900, 2700]);
  });

  test('four attempts, and one line', async () => {
    const hub = await hubOf(model);
    const count = disturb(hub, kind, Infinity, (response) =>
      response.writeHead(503, { 'retry-after': '1' }).end(),
    );
    expect(await refusal(wanted)).toMatch(/answers 503 .* and asks to wait 1 s; try again then\.$/);
    expect(count()).toBe(4);
  });

  test('more than a minute is not waited', async () => {
    const hub = await hubOf(model);
    const count = disturb(hub, kind, Infinity, (response) =>
      response.writeHead(429, { 'retry-after': '3600' }).end(),
    );
    expect(await refusal(wanted)).toMatch(/answers 429 .* and asks to wait 3600 s; try again then\.$/);
    expect([count(), waits]).toEqual([1, []]);
  });

  test('a connection that breaks, before or in the answer', async () => {
    const hub = await hubOf(model);
    let times = 0;
    disturb(hub, kind, 2, (response) => {
      if (times++ === 0) response.destroy();
      else response.writeHead(200, { 'content-length': 50 }).write('{', () => response.destroy());
    });
    expect(await fetched()).toEqual([]);
  });

  test('a hub that takes the question and never answers', async () => {
    const hub = await hubOf(model);
    const count = disturb(hub, kind, Infinity, () => undefined);
    expect(await refusal({ ...wanted, silence: 500 })).toMatch(
      /^127\.0\.0\.1:\d+ sent nothing for 0\.5 s for the model acme\/tiny; run the command again/,
    );
    expect(count()).toBe(4);
  });

  test('a hub that falls silent once, in the answer', async () => {
    const hub = await hubOf(model);
    disturb(hub, kind, 1, (response) => response.writeHead(200, { 'content-length': 50 }).write('{'));
    expect(await fetched(1000)).toContainEqual(
      expect.stringMatching(/^127\.0\.0\.1:\d+ sent nothing for 1 s; asking again\.$/),
    );
  });

  test('a stop is heard at once, and thrown as it is', async () => {
    const hub = await hubOf(model);
    const controller = new AbortController();
    const reason = new Error('stopped');
    disturb(hub, kind, Infinity, () => {
      controller.abort(reason);
    });
    await expect(fetchFromHub({ ...wanted, signal: controller.signal })).rejects.toBe(reason);
  });
});

describe('when a hub asks to come back', () => {
  test.each([
    ['a date', { 'retry-after': inSeconds(30), date: inSeconds(0) }, 30_000],
    ['a date by a clock that is wrong', { 'retry-after': inSeconds(7220), date: inSeconds(7200) }, 20_000],
    ['a date that has passed', { 'retry-after': inSeconds(-100), date: inSeconds(0) }, 300],
    ['no seconds', { 'retry-after': '0' }, 300],
    ['nonsense', { 'retry-after': '8, 9' }, 300],
    ['less than nothing', { 'retry-after': '-5' }, 300],
    ["the hub's own header", { ratelimit: '"resolvers";r=0;t=55' }, 55_000],
    ['its header while something remains', { ratelimit: '"resolvers";r=7;t=55' }, 300],
  ])('%s', async (_, headers, wait) => {
    const hub = await hubOf(model);
    disturb(hub, 'commit', 1, (response) => response.writeHead(429, headers).end());
    await fetched();
    expect(waits).toEqual([wait]);
  });
});

test('an answer that drips is no answer', async () => {
  const hub = await hubOf(model);
  disturb(hub, 'list', Infinity, (response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write(' '), 20);
    response.on('close', () => {
      clearInterval(drip);
    });
  });
  expect(await refusal({ ...wanted, silence: 400 })).toMatch(
    /sent (no whole answer for 1\.6|nothing for 0\.4) s/,
  );
});

test('a file that comes in many parts is no failure, however often the connection breaks', async () => {
  const hub = await hubOf(model);
  // HTTP/1.0 ends the connection like this, so that all bytes sent arrive.
  hub.intercept = ({ headers }, { socket }, url) => {
    if (!url.pathname.endsWith('model.safetensors')) return false;
    const from = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0);
    const part = `content-range: bytes ${from}-${weights.length - 1}/${weights.length}`;
    socket!.write(`HTTP/1.1 206 Partial Content\r\nconnection: close\r\n${part}\r\n\r\n`);
    socket!.end(weights.subarray(from, from + 9000));
    return true;
  };
  expect(await fetched()).toEqual([]);
  expect(hub.requests.filter((path) => path.endsWith('model.safetensors'))).toHaveLength(12);
});

test('where the cache can serve, nobody waits', async () => {
  const hub = await hubOf(model);
  await fetched();
  const count = disturb(hub, 'commit', Infinity, (response) =>
    response.writeHead(503, { 'retry-after': '50' }).end(),
  );
  expect(await fetched()).toEqual([]);
  expect([count(), waits]).toEqual([1, []]);
  expect(hub.requests.at(-1)).toBe('/api/models/acme/tiny/revision/main');
});

test('a stop while the hub is waited for', async () => {
  vi.doUnmock('node:timers/promises');
  vi.resetModules();
  const { fetchFromHub: fetchWithClock } = await import('../../harness/data/hub/hub.ts');
  const hub = await hubOf(model);
  disturb(hub, 'file', Infinity, (response) => response.writeHead(429, { 'retry-after': '60' }).end());
  const controller = new AbortController();
  const reason = new Error('stopped');
  const stopped = fetchWithClock({
    ...wanted,
    signal: controller.signal,
    onNote: () => {
      controller.abort(reason);
    },
  });
  await expect(stopped).rejects.toBe(reason);
  expect(hub.requests.filter((path) => path.includes(commitOf('main')))).not.toEqual([]);
});
