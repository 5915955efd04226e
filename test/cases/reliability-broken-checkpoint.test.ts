// Regression test: a checkpoint that was damaged, or of another run or version, ended the sweep for good or
// failed the run. Expected: one line says why it is not used, and the run starts anew with the numbers of an
// undisturbed run; other cells go on. Reference numbers come from an undisturbed run in this file.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { openSafetensors, writeSafetensors } from '../../harness/data/formats/safetensors.ts';
import { readCheckpoint, writeCheckpoint, type RunMetadata } from '../../harness/training/loop/checkpoint.ts';
import { Interrupted } from '../../harness/training/loop/job.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { tinyRuns } from '../runs/tiny-run.ts';

const { run, plan } = await tinyRuns();
const cell = { methods: ['lora~dropout=0.1'] };

/** Runs a cell; gives its notes and the numbers that must not differ between runs. */
async function numbersOf(results: string, changes: object = cell) {
  const { outcomes, notes } = await run(results, changes);
  return {
    notes,
    numbers: await Promise.all(
      outcomes.map(async ({ record, path }) => {
        const steps = (await readFile(path.replace('json', 'steps.jsonl'), 'utf8')).trim().split('\n');
        const losses = steps.map((line) => (JSON.parse(line) as { loss: number }).loss);
        const { tensors, predictions } = record.files;
        return { losses, tensors, predictions, metrics: record.metrics, identity: record.identity };
      }),
    ),
  };
}

let whole: Awaited<ReturnType<typeof numbersOf>>['numbers'];
/** A valid checkpoint of the cell at step 4. */
let sound: string;
beforeAll(async () => {
  whole = (await numbersOf('whole')).numbers;
  const stop = new AbortController();
  const onProgress = ({ done }: { done: number }): void => {
    if (done === 4) stop.abort(new Interrupted('enough'));
  };
  await expect(run('stopped', cell, { signal: stop.signal, events: { onProgress } })).rejects.toThrow(
    Interrupted,
  );
  sound = join(await workOf('stopped'), 'checkpoint.safetensors');
});

/** Path of the cell's working folder in a results folder. */
async function workOf(results: string): Promise<string> {
  const { results: folder } = await plan(results, cell);
  const [record] = (await readdir(join((await plan('whole', cell)).results), { recursive: true })).filter(
    (name) => name.endsWith('.json'),
  );
  return join(folder, record!.replace(/\.json$/, '.work'));
}

/** Writes a checkpoint to the place where the cell reads it. */
async function putCheckpoint(results: string, bytes: Uint8Array | string): Promise<string> {
  const work = await workOf(results);
  await mkdir(work, { recursive: true });
  await writeFile(join(work, 'identity'), whole[0]!.identity);
  await writeFile(join(work, 'checkpoint.safetensors'), bytes);
  return work;
}

/** Makes a safetensors file with this metadata and one tensor. */
async function fileOf(metadata: Record<string, string>): Promise<Buffer> {
  const path = join(await temporaryFolder(), 'made.safetensors');
  await writeSafetensors(path, { 'state/trained/0': { shape: [1], data: Float32Array.of(1) } }, metadata);
  return readFile(path);
}

test('a sound checkpoint is gone on with', async () => {
  await putCheckpoint('sound', await readFile(sound));
  const { numbers, notes } = await numbersOf('sound');
  expect(numbers).toEqual(whole);
  expect(notes.filter((note) => note.includes('checkpoint'))).toEqual([]);
  const { outcomes } = await run('sound', cell);
  expect(outcomes[0]!.record.training!.resumedFrom).toBe(4);
});

describe('begins anew with one line', () => {
  const damage: [string, () => Promise<Uint8Array | string>, RegExp][] = [
    ['cut', () => Promise.resolve('\x08\0\0\0\0'), /no whole safetensors file/],
    ['zeros', () => Promise.resolve(new Uint8Array(4096)), /no whole safetensors file/],
    ['empty', () => Promise.resolve(''), /no whole safetensors file/],
    ['text', () => fileOf({ run: 'not JSON' }), /another version of deltabench wrote it/],
    ['fields', () => fileOf({ run: '{"step":1}' }), /another version of deltabench wrote it/],
    ['bare', () => fileOf({}), /another version of deltabench wrote it/],
    ['half', async () => (await readFile(sound)).subarray(0, -100), /no whole safetensors file/],
    ['a bit of a tensor', async () => flipped(await readFile(sound), -9), /does not fit its hash/],
    ['a bit of a number', async () => withStep(await readFile(sound)), /does not fit its hash/],
  ];
  it.each(damage)('%s', async (name, make, reason) => {
    const work = await putCheckpoint(name, await make());
    const { numbers, notes } = await numbersOf(name);
    expect(numbers).toEqual(whole);
    const said = notes.filter((note) => note.includes('checkpoint'));
    expect(said).toEqual([expect.stringMatching(reason)]);
    expect(said[0]).toMatch(/^The checkpoint in .* is not used: .*\. The run begins anew\.$/);
    expect(said[0]).toContain(work);
    expect((await run(name, cell)).outcomes[0]!.record.training!.resumedFrom).toBeUndefined();
    expect(await readdir(dirname(work))).not.toContain('seed-1.work');
  });

  it.skipIf(process.platform === 'win32')('a folder and a named pipe in its place', async () => {
    for (const [name, command] of [
      ['folder', 'mkdir'],
      ['pipe', 'mkfifo'],
    ] as const) {
      const work = await putCheckpoint(name, '');
      await execa('rm', [join(work, 'checkpoint.safetensors')]);
      await execa(command, [join(work, 'checkpoint.safetensors')]);
      const { numbers, notes } = await numbersOf(name);
      expect(numbers).toEqual(whole);
      expect(notes.join('\n')).toMatch(name === 'pipe' ? /it is a named pipe/ : /it is a folder/);
    }
  });

  it('without an identity, whose it was is not known', async () => {
    const work = await putCheckpoint('nobody', await readFile(sound));
    await writeFile(join(work, 'identity'), '');
    const { numbers } = await numbersOf('nobody');
    expect(numbers).toEqual(whole);
    const { outcomes } = await run('nobody', cell);
    expect(outcomes[0]!.path.endsWith('seed-1.json')).toBe(true);
    expect(outcomes[0]!.record.training!.resumedFrom).toBeUndefined();
  });

  it('and the other cells are done', async () => {
    await putCheckpoint('others', new Uint8Array(4096));
    const { outcomes } = await run('others', { ...cell, seeds: [1, 2], methods: ['red', ...cell.methods] });
    expect(outcomes.map(({ record }) => record.status)).toEqual(Array(4).fill('finished'));
  });
});

/** Flips one bit of the byte at `at`, which counts from the end. */
function flipped(bytes: Buffer, at: number): Buffer {
  bytes[bytes.length + at]! ^= 1;
  return bytes;
}

/** Changes a digit in the metadata of the run. */
function withStep(bytes: Buffer): Buffer {
  const at = bytes.indexOf('waited');
  bytes[at + 'waited\\":'.length] = '7'.charCodeAt(0);
  return bytes;
}

describe('a checkpoint whose hash is right', () => {
  const types = {
    'trained/0': { shape: [2, 2], dtype: 'float32' },
    'mean/0': { shape: [4], dtype: 'float32' },
  } as const;
  const kept = ['trained/0'];
  const state = { 'trained/0': Float32Array.of(1, 2, 3, 4), 'mean/0': Float32Array.of(5, 6, 7, 8) };
  const best = { 'trained/0': Float32Array.of(9, 8, 7, 6) };
  const row = { loss: 1, learningRate: 0.1, gradientNorm: 1, milliseconds: 3, tokens: 5, shapes: ['2x4'] };
  const runOf = (changes: Partial<RunMetadata> = {}): RunMetadata => ({
    step: 4,
    bestStep: 2,
    bestScore: -1,
    waited: 1,
    seconds: { train: 1, evaluate: 1 },
    log: [1, 2, 3, 4].map((step) => ({ step, ...row })),
    evaluations: [2, 4].map((step) => ({ step, loss: 1, seconds: 1 })),
    ...changes,
  });

  it('is used where all of it belongs together', async () => {
    const folder = await temporaryFolder();
    await writeCheckpoint(folder, types, state, best, runOf());
    expect(await readCheckpoint(folder, types, kept, 9)).toEqual({ state, best, run: runOf() });
    const early = runOf({ bestStep: 0, bestScore: null, waited: 0, evaluations: [] });
    await writeCheckpoint(folder, types, state, undefined, early);
    expect(await readCheckpoint(folder, types, kept, 9)).toEqual({ state, best: undefined, run: early });
  });

  const wrong: [string, Partial<RunMetadata>, RegExp][] = [
    ['a best step behind the step', { bestStep: 5 }, /wrong at bestStep/],
    ['a best step without an evaluation', { bestStep: 3 }, /wrong at bestStep/],
    ['a log that is too short', { log: [] }, /wrong at log/],
    ['another number of evaluations waited', { waited: 2 }, /wrong at waited/],
    [
      'evaluations behind the step',
      { evaluations: [{ step: 7, loss: 1, seconds: 1 }] },
      /wrong at evaluations/,
    ],
  ];
  it.each(wrong)('is not used with %s', async (_, changes, reason) => {
    const folder = await temporaryFolder();
    await writeCheckpoint(folder, types, state, best, runOf(changes));
    expect(await readCheckpoint(folder, types, kept, 9)).toEqual({
      reason: expect.stringMatching(reason) as string,
    });
  });

  it('is not used with tensors of another run, or more steps than this one has', async () => {
    const folder = await temporaryFolder();
    const found = (steps = 9) => readCheckpoint(folder, types, kept, steps);
    await writeCheckpoint(folder, types, state, best, runOf());
    expect(await found(3)).toEqual({ reason: 'it is of step 4, and the run has 3' });
    await writeCheckpoint(folder, types, state, undefined, runOf());
    expect(await found()).toEqual({ reason: 'its tensor best/trained/0 is missing' });
    const flat = { ...types, 'trained/0': { shape: [4], dtype: 'float32' } as const };
    await writeCheckpoint(folder, flat, state, best, runOf());
    expect(await found()).toEqual({ reason: "its tensor state/trained/0 has another shape than the run's" });
    const more = { ...types, more: { shape: [1], dtype: 'float32' } as const };
    await writeCheckpoint(folder, more, { ...state, more: Float32Array.of(1) }, best, runOf());
    expect(await found()).toEqual({ reason: 'it holds tensors that the run does not have' });
  });

  it('whatever is changed of it, a sound checkpoint or a reason comes out', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'checkpoint.safetensors');
    await writeCheckpoint(folder, types, state, best, runOf());
    const bytes = await readFile(path);
    const { metadata } = await openSafetensors(path);
    const change = fc.oneof(
      fc.record({ at: fc.nat(bytes.length - 1), byte: fc.nat(255) }).map(({ at, byte }) => {
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        return changed;
      }),
      fc.nat(bytes.length).map((length) => bytes.subarray(0, length)),
      fc.uint8Array({ maxLength: 64 }).map((more) => Buffer.concat([bytes, more])),
      fc.uint8Array({ maxLength: 256 }),
      fc.json().map((text) => withRun(bytes, metadata.run!, text)),
    );
    const runs = Number(process.env.DELTABENCH_FUZZ ?? 300);
    await fc.assert(
      fc.asyncProperty(change, async (changed) => {
        await writeFile(path, changed);
        const found = await readCheckpoint(folder, types, kept, 9);
        if (found && 'reason' in found) expect(found.reason).toMatch(/^[^\n]+$/);
        else expect(found).toEqual({ state, best, run: runOf() });
      }),
      { seed: 21, numRuns: runs },
    );
  });
});

/** Replaces the metadata of the run by `text` and corrects the length of the header. */
function withRun(bytes: Buffer, run: string, text: string): Buffer {
  const length = Number(bytes.readBigUInt64LE());
  const header = bytes.subarray(8, 8 + length).toString();
  const changed = Buffer.from(header.replace(JSON.stringify(run), () => JSON.stringify(text)));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(changed.length));
  return Buffer.concat([size, changed, bytes.subarray(8 + length)]);
}
