// Regression test: a wrong list of files was cached for good, and an endless one was followed forever.
// Expected: a wrong list is refused and fetched again, and paging ends. Answers are made up, from a hub on
// loopback.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { fetchFromHub } from '../../harness/data/hub/hub.ts';
import { commitOf, type TestHub } from '../data/hub/hub-server.ts';
import { hubOf, model, refusal, wanted, weights } from './hub.ts';

// Skips the waits between attempts.
vi.mock('node:timers/promises', () => ({ setTimeout: () => Promise.resolve() }));

const entry = { type: 'file', path: 'config.json', size: 2, oid: '9e26dfeeb6e641a33dae4961196235bdb965b21b' };
const big = {
  type: 'file',
  path: 'model.safetensors',
  size: 1,
  oid: entry.oid,
  lfs: { oid: 'a'.repeat(64) },
};
const listingOf = (home: string) =>
  join(home, 'deltabench', 'models--acme--tiny', 'listings', `${commitOf('main')}.json`);

/** Answers the first request for a list with this one. */
function listOnce(hub: TestHub, list: unknown): void {
  let times = 1;
  hub.intercept = (_, response, url) => {
    if (!url.pathname.includes('/tree/') || times-- <= 0) return false;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(list));
    return true;
  };
}

async function expectWhole(): Promise<void> {
  const { folder, files } = await fetchFromHub(wanted);
  expect(files).toEqual(['config.json', 'model.safetensors']);
  expect((await readFile(join(folder, 'model.safetensors'))).equals(weights)).toBe(true);
}

describe('a list that is wrong once is refused, not kept, and asked for again', () => {
  test.each([
    [
      'a path that leaves the cache',
      [{ ...entry, path: '../x.json' }],
      /lists in acme\/tiny "\.\.\/x\.json": a path/,
    ],
    ['an absolute path', [entry, { ...entry, path: '/x' }], /"\/x": a path/],
    ['a path that writes on the terminal', [{ ...entry, path: 'a\u001b[2J' }], /"a\\u001b\[2J": a path/],
    ['a file twice', [entry, entry], /"config\.json" twice/],
    ['a negative size', [{ ...entry, size: -1 }], /does not answer as a hub does/],
    ['a size that is no number', [{ ...entry, size: '2' }], /does not answer as a hub does/],
    ['a hash that is none', [{ ...entry, oid: 'x' }], /does not answer as a hub does/],
    ['an object', { files: [entry] }, /does not answer as a hub does/],
    ['nothing', null, /does not answer as a hub does/],
    ['entries that are none', [null, 3], /does not answer as a hub does/],
    [
      'too small a size',
      [{ ...entry, size: 1 }],
      /sends more of config\.json than the 1 bytes that it lists/,
    ],
    [
      'too large a size',
      [{ ...entry, size: 9 }],
      /sends fewer bytes of config\.json than the 9 bytes that it lists/,
    ],
    [
      'another hash',
      [{ ...entry, oid: 'a'.repeat(40) }],
      /config\.json of acme\/tiny came with the wrong content/,
    ],
  ])('%s', async (_, list, reason) => {
    const hub = await hubOf(model);
    listOnce(hub, list);
    expect(await refusal(wanted)).toMatch(reason);
    await expect(readFile(listingOf(hub.home))).rejects.toThrow('ENOENT');
    await expectWhole();
  });

  test('an empty one', async () => {
    const hub = await hubOf(model);
    listOnce(hub, []);
    expect((await fetchFromHub(wanted)).files).toEqual([]);
    await expectWhole();
  });

  test('one that is wrong in what was not wanted yet', async () => {
    const hub = await hubOf(model);
    listOnce(hub, [entry, big]);
    await fetchFromHub({ ...wanted, files: (path) => path === 'config.json' });
    expect(await readFile(listingOf(hub.home), 'utf8')).toContain('"size":1,');
    await expectWhole();
    expect(await readFile(listingOf(hub.home), 'utf8')).toContain(`"size":${weights.length},`);
  });
});

test.each([
  ['a path that leaves the cache', JSON.stringify([{ ...entry, path: '../x.json' }])],
  ['other JSON', '{}'],
  ['half a file', '[{"type":'],
  ['nothing', ''],
  ['a wrong size', JSON.stringify([{ ...entry, size: 77 }])],
])('a kept list with %s is asked for again', async (_, text) => {
  const hub = await hubOf(model);
  await fetchFromHub({ ...wanted, files: () => false });
  await writeFile(listingOf(hub.home), text);
  await expectWhole();
  expect(
    (await readdir(hub.home, { recursive: true })).filter((path) => path.endsWith('.incomplete')),
  ).toEqual([]);
});

test('data sets, too: a list of parquet files that leaves the cache', async () => {
  const hub = await hubOf({
    type: 'dataset',
    name: 'acme/data',
    revisions: { main: { 'train/0.parquet': Buffer.from('PAR1') } },
  });
  listOnce(hub, [{ ...big, path: 'train/../../0.parquet' }]);
  const request = { repo: 'acme/data', type: 'dataset' } as const;
  expect(await refusal(request)).toMatch(/lists in acme\/data "train\/\.\.\/\.\.\/0\.parquet": a path/);
  expect((await fetchFromHub(request)).files).toEqual(['train/0.parquet']);
});

describe('a list without end ends with a line', () => {
  const pages = (hub: TestHub, next: (page: number, url: URL) => string) => {
    let page = 0;
    hub.intercept = (_, response, url) => {
      if (!url.pathname.includes('/tree/')) return false;
      page++;
      const list = [{ ...entry, path: `${page}.json` }];
      response.writeHead(200, { link: `<${next(page, url)}>; rel="next"` }).end(JSON.stringify(list));
      return true;
    };
    return () => page;
  };

  test('that names the same page again', async () => {
    const hub = await hubOf(model);
    const asked = pages(hub, (_, url) => url.href);
    expect(await refusal(wanted)).toMatch(
      /lists the files of acme\/tiny without end: page 1 says that one that came before/,
    );
    expect(asked()).toBe(1);
  });

  test('that goes round', async () => {
    const hub = await hubOf(model);
    const asked = pages(hub, (page, url) => `${url.origin}${url.pathname}?page=${page % 3}`);
    expect(await refusal(wanted)).toMatch(/without end/);
    expect(asked()).toBe(4);
  });

  test('that has ever more pages', async () => {
    const hub = await hubOf(model);
    const asked = pages(hub, (page, url) => `${url.origin}${url.pathname}?page=${page}`);
    expect(await refusal(wanted)).toMatch(/page 1000 says that another is the next/);
    expect(asked()).toBe(1000);
  });
});

test.each(['</api/models/acme/tiny/tree/REST>; rel="next"', '<URL/api/models/acme/tiny/tree/REST>;rel=next'])(
  'a next page written as %s is not left out',
  async (link) => {
    const hub = await hubOf(model);
    hub.intercept = (_, response, url) => {
      if (!url.pathname.includes('/tree/') || url.searchParams.has('cursor')) return false;
      const rest = `${commitOf('main')}?cursor=1`;
      response.writeHead(200, { link: link.replace('URL', url.origin).replace('REST', rest) });
      response.end(JSON.stringify([entry]));
      return true;
    };
    await expectWhole();
  },
);

test('a list that holds the token is refused without showing it, and not kept', async () => {
  const hub = await hubOf(model);
  vi.stubEnv('HF_TOKEN', 'hf_qwertzuiop');
  listOnce(hub, [entry, { ...entry, path: 'hf_qwertzuiop.json' }]);
  expect(await refusal(wanted)).toMatch(
    /lists in acme\/tiny a name that holds the token; nothing was fetched/,
  );
  const kept = await readdir(hub.home, { recursive: true, withFileTypes: true });
  for (const file of kept.filter((each) => each.isFile())) {
    expect(await readFile(join(file.parentPath, file.name), 'utf8')).not.toContain('qwertzuiop');
  }
  await expectWhole();
});
