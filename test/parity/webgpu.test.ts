// Trains one tiny model of each family on WebGPU (all weights, where goldens exist) with the tests and
// tolerances of the CPU. The process is its own, since a failing driver may end it.
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { noAdapter, webgpuEnvironment } from '../engines.ts';
import { hasParity } from './folder.ts';

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
