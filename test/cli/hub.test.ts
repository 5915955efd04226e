// Tests of models and data sets fetched by the command line from a hub on loopback.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../harness/data/formats/safetensors.ts';
import { randomBase } from '../../harness/models/bases/random-base.ts';
import { projectRoot } from '../../harness/support/project-root.ts';
import { startHub, type TestRepo } from '../data/hub/hub-server.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { readRecordFile } from './bench.ts';
import { commandLine } from './command-line.ts';

const read = (...path: string[]) => readFile(join(projectRoot, 'test', 'data', ...path));
const secret = 'hf_qwertzuiop';
let model: TestRepo;
let data: TestRepo;

beforeAll(async () => {
  const { config, architecture, tensor } = randomBase(
    'random-gpt2~layers=2,width=64,heads=2,vocab=300,positions=128',
  );
  const tensors = Object.entries(architecture.shapes).map(
    ([name, shape]) => [name, { shape, data: tensor(name) }] as const,
  );
  const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
  const path = join(folder, 'model.safetensors');
  await writeSafetensors(path, Object.fromEntries(tensors));
  const weights = await readFile(path);
  await rm(folder, { recursive: true });
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  model = {
    type: 'model',
    name: 'someone/tiny',
    revisions: {
      main: {
        'config.json': json(config),
        'model.safetensors': weights,
        'tokenizer.json': await read('tokenizers', 'files', 'tiny.json'),
        'tokenizer_config.json': json({ eos_token: '<|endoftext|>' }),
      },
    },
  };
  const three = await read('sets', 'e2e', 'three-rows.snappy.parquet');
  const two = await read('sets', 'e2e', 'two-rows.zstd.parquet');
  data = {
    type: 'dataset',
    name: 'tuetschek/e2e_nlg',
    revisions: {
      main: { 'e2e_nlg.py': Buffer.from('raise SystemExit') },
      'refs/convert/parquet': {
        'default/train/0000.parquet': three,
        'default/validation/0000.parquet': two,
        'default/test/0000.parquet': two,
      },
    },
  };
});

/** Starts the command line with an empty cache and this hub. */
async function benchAt(url: string, env: Readonly<Record<string, string>> = {}) {
  const folder = await temporaryFolder();
  const bench = (...args: string[]) =>
    execa('node', [...commandLine, ...args], {
      cwd: projectRoot,
      reject: false,
      env: {
        DELTABENCH_DATA: undefined,
        DELTABENCH_CACHE: join(folder, 'cache'),
        HF_TOKEN: undefined,
        HF_HOME: join(folder, 'hub'),
        HF_ENDPOINT: url,
        ...env,
      },
    });
  const kept = async () =>
    (await readdir(folder, { recursive: true })).filter((path) => path.includes('model.safetensors'));
  return { bench, folder, kept };
}

const weights = () => model.revisions.main!['model.safetensors']!;

test('a model and data of the hub are fetched with their progress, and a run takes them from the cache', async () => {
  const hub = await startHub(model, data);
  const { bench, folder } = await benchAt(hub.url);
  const [one, other] = [await bench('fetch', 'model', 'someone/tiny'), await bench('fetch', 'data', 'e2e')];
  expect(one.stderr).toMatch(/^MB 0(\.\d)?\/0\.\d, \S+/m);
  expect(one.stdout).toMatch(
    /^someone\/tiny is here: gpt2, 28 tensors, vocabulary 300, sha256 [0-9a-f]{64}$/,
  );
  expect(other.stdout).toMatch(/is here: 3 training, 2 validation, 2 test examples$/);
  expect(hub.downloads).toContain('default/train/0000.parquet whole');
  const before = hub.downloads.length;
  await hub.close();

  const results = join(folder, 'results');
  const run = await bench(
    ...['--task', 'e2e', '--model', 'someone/tiny', '--method', 'red', '--max-steps', '2', '--seeds', '1'],
    ...['--set', 'max-new-tokens=4', '--threads', '1', '--results', results],
  );
  expect(run.exitCode, run.stderr).toBe(0);
  expect(hub.downloads).toHaveLength(before);
  const record = await readRecordFile(join(results, 'e2e', 'someone--tiny', 'red', 'seed-1.json'));
  expect(record.settings.data.form).toBe('hub');
});

test('a download that was killed goes on where it ended', async () => {
  const hub = await startHub(model);
  const { bench, kept, folder } = await benchAt(hub.url);
  hub.stallAfter = 100_000;
  const killed = bench('fetch', 'model', 'someone/tiny');
  while (!hub.downloads.includes('model.safetensors whole')) await sleep(20);
  const partial = await someTime(async () => (await kept()).find((path) => path.endsWith('.incomplete')));
  await someTime(async () => (await readFile(join(folder, partial))).length === 100_000);
  killed.kill('SIGKILL');
  await killed;

  hub.stallAfter = undefined;
  hub.cut = { after: 50_000, times: 2 };
  const { exitCode, stderr } = await bench('fetch', 'model', 'someone/tiny');
  expect(exitCode, stderr).toBe(0);
  const [, first, ...again] = hub.downloads.filter((path) => path.startsWith('model.safetensors'));
  expect(first).toBe('model.safetensors bytes=100000-');
  expect(again).toHaveLength(2);
  const [path, ...others] = await kept();
  expect(others).toEqual([]);
  expect((await readFile(join(folder, path!))).equals(weights())).toBe(true);
});

describe('one clear line, exit code 2 and nothing kept', () => {
  const expectLine = (
    { exitCode, stderr, stdout }: { exitCode?: number; stderr: string; stdout: string },
    line: RegExp,
  ) => {
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr.split('\n').filter((text) => !/^(Fetching .* …|MB .*)$/.test(text))).toEqual([
      expect.stringMatching(line),
    ]);
  };
  const run = (id: string) => ['--task', 'e2e', '--method', 'red', '--model', id, '--data', 'hub'];

  test('wrong content', async () => {
    const hub = await startHub(model);
    const { bench, kept } = await benchAt(hub.url);
    hub.corrupt = true;
    const answer = await bench('fetch', 'model', 'someone/tiny');
    expectLine(answer, /^error: config\.json of someone\/tiny came with the wrong content/);
    expect(await kept()).toEqual([]);
    // Small files are right, weights are wrong.
    hub.corrupt = false;
    expect((await bench('params', '--method', 'red', '--model', 'someone/tiny')).exitCode).toBe(0);
    hub.corrupt = true;
    expectLine(
      await bench('fetch', 'model', 'someone/tiny'),
      /^error: \S+ of someone\/tiny came with the wrong content/,
    );
    expect(await kept()).toEqual([]);
  });

  test('a name that the hub does not know, and no network', async () => {
    const hub = await startHub(model);
    const { bench } = await benchAt(hub.url, { HF_TOKEN: secret });
    const [one, two, three] = await Promise.all([
      bench('fetch', 'model', 'someone/other'),
      bench(...run('someone/other')),
      bench('fetch', 'data', 'e2e'),
    ]);
    for (const answer of [one, two]) expectLine(answer, /^error: \S+ has no model someone\/other \(404\)/);
    expectLine(three, /^error: \S+ has no dataset tuetschek\/e2e_nlg \(404\)/);
    await hub.close();
    const [four, five] = await Promise.all([
      bench('fetch', 'model', 'someone/tiny'),
      bench(...run('someone/tiny')),
    ]);
    for (const answer of [four, five])
      expectLine(
        answer,
        /^error: Cannot reach 127\.0\.0\.1:\d+ for the model someone\/tiny \(ECONNREFUSED\)/,
      );
  });

  test('a token that is needed comes from HF_TOKEN and is never printed', async () => {
    const hub = await startHub({ ...model, token: secret });
    const { bench: without, kept } = await benchAt(hub.url);
    const { bench: wrong } = await benchAt(hub.url, { HF_TOKEN: 'hf_asdfghjkl', DELTABENCH_DEBUG: '1' });
    const { bench: right, folder } = await benchAt(hub.url, { HF_TOKEN: secret, DELTABENCH_DEBUG: '1' });
    const [none, refused, done, ran] = await Promise.all([
      without('fetch', 'model', 'someone/tiny'),
      wrong(...run('someone/tiny')),
      right('fetch', 'model', 'someone/tiny'),
      right('--task', 'e2e', '--method', 'red', '--model', 'someone/tiny', '--data', folder),
    ]);
    expectLine(none, /^error: \S+ has no public model someone\/tiny \(401\): .* or set HF_TOKEN/);
    expect(await kept()).toEqual([]);
    expectLine(refused, /^error: \S+ refuses the model someone\/tiny to the token in HF_TOKEN \(403\)/);
    expect(done.exitCode).toBe(0);
    for (const { stdout, stderr } of [none, refused, done, ran]) {
      expect(stdout + stderr).not.toMatch(/qwertzuiop|asdfghjkl/);
    }
  });
});

/** Polls `find` until it finds something. */
async function someTime<T>(find: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await find();
    if (found) return found;
    await sleep(20);
  }
}
