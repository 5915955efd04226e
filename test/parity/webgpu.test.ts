import { execa } from 'execa';
import { expect, test } from 'vitest';
import { noAdapter, webgpuEnvironment } from '../engines.ts';
import { hasParity } from './folder.ts';

// One tiny model of each family by WebGPU, with all its weights trained where there are numbers for that: the
// same tests and tolerances as on the CPU, in a process of their own, since a driver that fails may take its
// process with it.

test.for(['gpt2', 'llama', 'roberta', 'bert', 't5'])(
  'webgpu trains as the reference does: %s',
  async (family, { skip }) => {
    const model = `${family}-tiny`;
    const method = ['full', 'lora'].find((name) => hasParity(`methods/${model}/${name}.json`));
    if (method === undefined) return skip(`no reference numbers of ${model}`);
    const only = `^${model} onnx (trains ${method} |takes optimiser steps with ${method} |'?${method}'? )`;
    const { exitCode, all } = await execa(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        '--project',
        'parity',
        `test/parity/${family}.test.ts`,
        '-t',
        only,
      ],
      {
        reject: false,
        all: true,
        env: { ...webgpuEnvironment, DELTABENCH_DEVICE: 'webgpu', DELTABENCH_TESTS: undefined },
      },
    );
    if (all.includes(noAdapter.says)) return skip(noAdapter.reason);
    expect({ exitCode, tally: /^\d+ passed, \d+ failed/m.exec(all)?.[0] }, all).toEqual({
      exitCode: 0,
      tally: '2 passed, 0 failed',
    });
  },
);
