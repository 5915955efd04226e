/**
 * deltabench's side of the decoding benchmark, the counterpart of torch_generate.py. For each number n on
 * standard input it decodes n prompts of 50 tokens. The time leaves compiling out, which a test set pays
 * once.
 */
import { parseArgs } from 'node:util';
import { generate } from '../../harness/decoding/generate.ts';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { serve } from './serve.ts';

const { values } = parseArgs({
  options: {
    layers: { type: 'string', default: '6' },
    width: { type: 'string', default: '384' },
    heads: { type: 'string', default: '6' },
    vocab: { type: 'string', default: '8000' },
    beams: { type: 'string', default: '10' },
    new: { type: 'string', default: '30' },
    threads: { type: 'string', default: '2' },
  },
});
const loaded = await loadBase(
  `random-gpt2~layers=${values.layers},width=${values.width},heads=${values.heads},vocab=${values.vocab}`,
);
// Random weights are drawn once, as in transformers.
const weights = new Map<string, Float32Array>();
for (const name of Object.keys(loaded.shapes)) weights.set(name, await loaded.tensor(name));
const base = { ...loaded, tensor: (name: string) => Promise.resolve(weights.get(name)!) };

let compiling = 0;
const engine = await createEngine({ name: 'onnx', threads: Number(values.threads) });
const timed: Engine = {
  ...engine,
  async compile(...args) {
    const start = performance.now();
    const program = await engine.compile(...args);
    compiling += performance.now() - start;
    return program;
  },
};

async function decode(count: number): Promise<number> {
  const prompts = Array.from({ length: count }, () =>
    Array.from({ length: 50 }, () => Math.floor(Math.random() * Number(values.vocab))),
  );
  const [start, before] = [performance.now(), compiling];
  await generate({
    engine: timed,
    base,
    delta: { trained: {} },
    tensors: {},
    prompts,
    eosId: undefined,
    maxNewTokens: Number(values.new),
    beams: Number(values.beams),
    noRepeatNgram: 4,
    lengthPenalty: 0.9,
  });
  return performance.now() - start - (compiling - before);
}

await decode(1);
await serve(async (n) => ({ times: [await decode(n)] }));
