// Trains one tiny model of each family on WebGPU (all weights, where goldens exist) with the tests and
// tolerances of the CPU. They run in one process of their own, since a failing driver may end it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { noAdapter, webgpuEnvironment } from '../engines.ts';
import { hasParity } from './folder.ts';

/** vitest's report as JSON, as far as it is read here. */
interface Report {
  testResults: { name: string; assertionResults: { status: string; fullName: string }[] }[];
}

const families = ['gpt2', 'llama', 'roberta', 'bert', 't5'];
const methodOf = (family: string): string | undefined =>
  ['full', 'lora'].find((method) => hasParity(`methods/${family}-tiny/${method}.json`));
const trained = families.filter((family) => methodOf(family) !== undefined);

let printed = '';
let report: Report | undefined;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
  const path = join(folder, 'report.json');
  const names = trained.map((family) => {
    const method = methodOf(family)!;
    return `${family}-tiny onnx (trains ${method} |takes optimiser steps with ${method} |'?${method}'? )`;
  });
  const files = trained.map((family) => `test/parity/${family}.test.ts`);
  const { all } = await execa(
    process.execPath,
    [
      ...[
        'node_modules/vitest/vitest.mjs',
        'run',
        '--project',
        'parity',
        ...files,
        '-t',
        `^(${names.join('|')})`,
      ],
      ...['--reporter', 'default', '--reporter', 'json', '--outputFile', path],
    ],
    {
      reject: false,
      all: true,
      env: { ...webgpuEnvironment, DELTABENCH_DEVICE: 'webgpu', DELTABENCH_TESTS: undefined },
    },
  );
  printed = all;
  const text = await readFile(path, 'utf8').catch(() => undefined);
  report = text === undefined ? undefined : (JSON.parse(text) as Report);
  await rm(folder, { recursive: true });
});

test.for(families)('webgpu trains as the reference does: %s', (family, { skip }) => {
  if (!trained.includes(family)) return skip(`no reference numbers of ${family}-tiny`);
  if (printed.includes(noAdapter.says)) return skip(noAdapter.reason);
  const file = report?.testResults.find(({ name }) => basename(name) === `${family}.test.ts`);
  const ran = file?.assertionResults.filter(({ status }) => status === 'passed' || status === 'failed');
  expect(
    ran?.map(({ status }) => status),
    printed,
  ).toEqual(['passed', 'passed']);
});
