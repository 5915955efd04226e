// Tests that a run without training fails too where a weight of the base is not finite, and names the tensor
// when weights go to the engine. Searches may skip NaN logits; test/decoding/not-finite tests their own
// check.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freezeAll, freezeToScore } from '../../harness/decoding/programs.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { freezeTensors } from '../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { UsageError } from '../../harness/support/errors.ts';
import { changeTensors } from '../support/change-tensors.ts';
import { temporaryFolder } from '../support/temporary.ts';

const tiny = join(import.meta.dirname, '../golden/parity/gpt2-tiny');

it.each([NaN, Infinity, -Infinity])('%f among its weights is named', async (value) => {
  const folder = join(await temporaryFolder(), 'model');
  await cp(tiny, folder, { recursive: true });
  const path = join(folder, 'model.safetensors');
  await changeTensors(path, (tensors) => {
    tensors['transformer.ln_f.weight']!.data[31] = value;
    return tensors;
  });
  const base = await loadBase(folder);
  const engine = await createEngine({ name: 'js' });
  const reason = `the weights of ${folder} are not finite: transformer.ln_f.weight holds ${value}`;
  await expect(freezeTensors(engine, base, { trained: {} }, 0)).rejects.toThrow(reason);
  await expect(freezeAll(engine, base, { trained: {} }, {})).rejects.toThrow(reason);
  // Commands that only score a base say it in one line.
  await expect(freezeToScore(engine, base, { trained: {} }, {})).rejects.toThrow(UsageError);
});
