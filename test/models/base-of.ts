// Makes a random base of any family from a config.json; used by the tests of models.
import { describeArchitecture } from '../../harness/models/families/registry.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import { baseModel, type BaseModel } from '../../harness/models/base-model.ts';

/** Describes a base with random weights, the pooler of an encoder included. */
export function baseOf(config: Readonly<Record<string, unknown>>): BaseModel {
  const architecture = describeArchitecture(config, 'the test');
  const all = { ...architecture.shapes, ...(architecture.kind === 'encoder' ? architecture.pooler : {}) };
  const values = (name: string): Float32Array => {
    const size = all[name]!.reduce((product, n) => product * n, 1);
    const mean = name.includes('norm') ? 1 : 0;
    return randomStream(5, name).normal(size, mean, 0.2);
  };
  const nothing = (): never => {
    throw new Error('not asked for');
  };
  return baseModel({
    id: String(config.model_type),
    config,
    architecture,
    tensor: (name) => Promise.resolve(values(name)),
    tokenizer: nothing,
    hash: nothing,
  });
}
