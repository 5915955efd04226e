// Tests of downloads from a hub: caching, resuming, tokens, refusals. The hub is a server on loopback.
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { fetchFromHub, type HubRequest } from '../../../harness/data/hub/hub.ts';
import { commitOf, startHub, type TestHub, type TestRepo } from './hub-server.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const weights = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const model: TestRepo = {
  type: 'model',
  name: 'someone/tiny',
  revisions: {
    main: {
      'config.json': Buffer.from('{}'),
      'empty.txt': Buffer.alloc(0),
      'model.safetensors': weights,
      'sub folder/ünï#1.json': Buffer.from('[]'),
    },
    old: { 'config.json': Buffer.from('{"old": true}') },
  },
};
const wanted: HubRequest = { repo: 'someone/tiny', type: 'model' };
const onlyWeights: HubRequest = { ...wanted, files: (path) => path === 'model.safetensors' };

// Skips the waits between attempts.
vi.mock('node:timers/promises', () => ({ setTimeout: () => Promise.resolve() }));

let home: string;
beforeEach(async () => {
  home = await temporaryFolder();
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_TOKEN', undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
});

async function hubOf(...repos: TestRepo[]): Promise<TestHub> {
  const hub = await startHub(...repos);
  vi.stubEnv('HF_ENDPOINT', `${hub.url}/`);
  return hub;
}

async function expectRefusal(request: HubRequest, message: RegExp): Promise<void> {
  const error: unknown = await fetchFromHub(request).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).not.toContain('\n');
}

/** Compares with Buffer.equals, which takes a millisecond where toEqual takes a second. */
async function expectContent(path: string, expected: Buffer): Promise<void> {
  expect((await readFile(path)).equals(expected)).toBe(true);
}

/** Lists unfinished downloads below the folder. */
async function partials(): Promise<string[]> {
  return (await readdir(home, { recursive: true })).filter((path) => path.endsWith('.incomplete'));
}

test('brings every file of the revision, once', async () => {
  const hub = await hubOf(model);
  const { folder, commit, files } = await fetchFromHub(wanted);
  expect(commit).toBe(commitOf('main'));
  expect(folder).toBe(join(home, 'deltabench', 'models--someone--tiny', commit));
  expect(files).toEqual(Object.keys(model.revisions.main!).sort());
  for (const path of files) await expectContent(join(folder, path), model.revisions.main![path]!);
  const before = hub.downloads.length;
  await fetchFromHub(wanted);
  expect(hub.downloads.length).toBe(before);
  const old = await fetchFromHub({ ...wanted, revision: 'old' });
  expect(await readFile(join(old.folder, 'config.json'), 'utf8')).toBe('{"old": true}');
});

test('brings chosen files only, and tells of progress', async () => {
  const hub = await hubOf(model);
  const seen: number[] = [];
  const { files } = await fetchFromHub({
    ...onlyWeights,
    onProgress: ({ file, done, total }) => {
      expect([file, total]).toEqual(['model.safetensors', weights.length]);
      seen.push(done);
    },
  });
  expect(files).toEqual(['model.safetensors']);
  expect(hub.downloads).toEqual(['model.safetensors whole']);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.at(-1)).toBe(weights.length);
});

test('data sets, with branches whose names have slashes', async () => {
  const rows = Buffer.from('PAR1');
  await hubOf({
    type: 'dataset',
    name: 'someone/data',
    revisions: { main: {}, 'refs/convert/parquet': { 'default/train/0000.parquet': rows } },
  });
  const request = { repo: 'someone/data', type: 'dataset' } as const;
  expect((await fetchFromHub(request)).files).toEqual([]);
  const { folder } = await fetchFromHub({ ...request, revision: 'refs/convert/parquet' });
  expect(await readFile(join(folder, 'default/train/0000.parquet'))).toEqual(rows);
});

describe('a download that is cut off', () => {
  test('goes on where it ended, within one call', async () => {
    const hub = await hubOf(model);
    hub.cut = { after: 100_000, times: 2 };
    const { folder } = await fetchFromHub(onlyWeights);
    await expectContent(join(folder, 'model.safetensors'), weights);
    expect(hub.downloads).toHaveLength(3);
    expect(hub.downloads[1]).toMatch(/^model\.safetensors bytes=[1-9]\d*-$/);
    expect(await partials()).toEqual([]);
  });

  test('goes on in the next call, when the hub was gone for long', async () => {
    const hub = await hubOf(model);
    hub.cut = { after: 0, times: Infinity };
    const partial = join(
      home,
      'deltabench',
      'models--someone--tiny',
      commitOf('main'),
      'model.safetensors.incomplete',
    );
    await mkdir(join(partial, '..'), { recursive: true });
    await writeFile(partial, weights.subarray(0, 1000));
    await expectRefusal(onlyWeights, /(broke off|Cannot reach)/);
    expect((await stat(partial)).size).toBe(1000);
    hub.cut.times = 0;
    hub.downloads.length = 0;
    const { folder } = await fetchFromHub(onlyWeights);
    expect(hub.downloads).toEqual(['model.safetensors bytes=1000-']);
    await expectContent(join(folder, 'model.safetensors'), weights);
  });

  test('starts again where the server ignores ranges, and needs no byte where all are there', async () => {
    const hub = await hubOf(model);
    const folder = join(home, 'deltabench', 'models--someone--tiny', commitOf('main'));
    await mkdir(folder, { recursive: true });
    hub.ignoreRanges = true;
    await writeFile(join(folder, 'model.safetensors.incomplete'), weights.subarray(0, 1000));
    await fetchFromHub(onlyWeights);
    await expectContent(join(folder, 'model.safetensors'), weights);
    await writeFile(join(folder, 'config.json.incomplete'), '{}');
    hub.downloads.length = 0;
    await fetchFromHub({ ...wanted, files: (path) => path === 'config.json' });
    expect(hub.downloads).toEqual([]);
  });

  test('in two processes at once does no harm', async () => {
    const hub = await hubOf(model);
    hub.cut = { after: 50_000, times: 3 };
    const both = await Promise.all([fetchFromHub(onlyWeights), fetchFromHub(onlyWeights)]);
    for (const { folder } of both) await expectContent(join(folder, 'model.safetensors'), weights);
  });
});

test.each(['config.json', 'model.safetensors'])(
  'wrong content of %s is refused and removed',
  async (path) => {
    const hub = await hubOf(model);
    hub.corrupt = true;
    const request = { ...wanted, files: (each: string) => each === path };
    await expectRefusal(request, new RegExp(`${path} of someone/tiny came with the wrong content`));
    expect(await partials()).toEqual([]);
    hub.corrupt = false;
    const { folder } = await fetchFromHub(request);
    await expectContent(join(folder, path), model.revisions.main![path]!);
  },
);

describe('without a network', () => {
  test('a complete repository serves from the cache, by branch and by commit', async () => {
    const hub = await hubOf(model);
    const online = await fetchFromHub(wanted);
    await hub.close();
    expect(await fetchFromHub(wanted)).toEqual(online);
    expect(await fetchFromHub({ ...wanted, revision: online.commit })).toEqual(online);
  });

  test('an overloaded hub is no obstacle either', async () => {
    const hub = await hubOf(model);
    const online = await fetchFromHub(wanted);
    hub.status = 503;
    expect(await fetchFromHub(wanted)).toEqual(online);
  });

  test('anything else is one clear line', async () => {
    const hub = await hubOf(model);
    await fetchFromHub({ ...wanted, files: (path) => path === 'config.json' });
    await hub.close();
    await expectRefusal(
      onlyWeights,
      /^Cannot reach 127\.0\.0\.1:\d+ for the model someone\/tiny \(ECONNREFUSED\)/,
    );
    await expectRefusal({ ...wanted, revision: 'old' }, /^Cannot reach/);
    await expectRefusal({ ...wanted, repo: 'someone/other' }, /^Cannot reach/);
  });
});

describe('the token', () => {
  const secret = 'hf_secret';
  const gated = { ...model, token: secret };

  test('opens a gated repository', async () => {
    await hubOf(gated);
    await expectRefusal(wanted, /has no public model someone\/tiny \(401\): check the name, or set HF_TOKEN/);
    vi.stubEnv('HF_TOKEN', 'hf_other');
    await expectRefusal(wanted, /refuses the model someone\/tiny to the token in HF_TOKEN \(403\)/);
    vi.stubEnv('HF_TOKEN', `${secret}\n`);
    expect((await fetchFromHub(wanted)).files).toHaveLength(4);
  });

  test('is not sent to another host', async () => {
    const store = await startHub(model);
    const hub = await hubOf(gated);
    hub.redirectTo = store.url;
    vi.stubEnv('HF_TOKEN', secret);
    const { folder } = await fetchFromHub(onlyWeights);
    await expectContent(join(folder, 'model.safetensors'), weights);
    expect(store.authorizations).toEqual(['']);
    expect(new Set(hub.authorizations)).toEqual(new Set([`Bearer ${secret}`]));
  });

  test('is never printed', async () => {
    await hubOf(gated);
    for (const token of ['hf_wrong', 'hf_two\nlines', 'hf_ünïcode']) {
      vi.stubEnv('HF_TOKEN', token);
      const error = (await fetchFromHub(wanted).then(
        () => undefined,
        (e: unknown) => e,
      )) as Error;
      expect(error).toBeInstanceOf(UsageError);
      expect(`${error.stack!} ${String(error.cause)}`).not.toContain(token.slice(3, 8));
    }
  });
});

describe('refused with a clear line', () => {
  test('an unknown repository and an unknown revision', async () => {
    const hub = await hubOf(model);
    await expectRefusal({ ...wanted, repo: 'someone/other' }, /has no public model someone\/other \(401\)/);
    vi.stubEnv('HF_TOKEN', 'hf_some');
    await expectRefusal(
      { ...wanted, repo: 'someone/other' },
      /has no model someone\/other \(404\); check the name/,
    );
    await expectRefusal(
      { ...wanted, revision: 'none' },
      /has no revision "none" of the model someone\/tiny \(404\)/,
    );
    hub.status = 418;
    await expectRefusal(wanted, /answers 418 for the model someone\/tiny/);
  });

  test.each(['../x', 'a/b/c', 'a/..', '/a', 'a b', '', '.git/x'])('the name %j', async (repo) => {
    await expectRefusal({ ...wanted, repo }, /is no name of a hub repository/);
  });

  test.each(['../x', 'a b', '', '-x'])('the revision %j', async (revision) => {
    await expectRefusal({ ...wanted, revision }, /is no revision/);
  });

  test.each(['../evil.txt', '/evil.txt', 'a/../../evil.txt', 'a\\..\\evil.txt', 'C:/evil.txt', 'a//b'])(
    'a listing with %j, and nothing is written',
    async (path) => {
      await hubOf({ ...model, revisions: { main: { [path]: Buffer.from('x') } } });
      await expectRefusal(wanted, /a path that could leave the cache/);
      expect((await readdir(home, { recursive: true })).filter((each) => each.includes('evil'))).toEqual([]);
    },
  );

  test('an endpoint that is no hub', async () => {
    vi.stubEnv('HF_ENDPOINT', 'file:///etc');
    await expectRefusal(wanted, /HF_ENDPOINT is "file:\/\/\/etc"; it must be/);
  });
});
