import { describeArchitecture } from '../../harness/models/families/registry.ts';
import { randomStream } from '../../harness/support/random-stream.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';

/** A base of random weights of any family, from its config.json; a pooler too, where it has one. */
export function baseOf(config: Readonly<Record<string, unknown>>): BaseModel {
  const architecture = describeArchitecture(config, 'the test');
  const { family, sites, shapes } = architecture;
  const all = { ...shapes, ...(architecture.kind === 'encoder' ? architecture.pooler : {}) };
  const values = (name: string): Float32Array => {
    const size = all[name]!.reduce((product, n) => product * n, 1);
    const mean = name.includes('norm') ? 1 : 0;
    return randomStream(5, name).normal(size, mean, 0.2);
  };
  const nothing = (): never => {
    throw new Error('not asked for');
  };
  return {
    ...{ id: String(config.model_type), family, config, architecture, sites, shapes },
    ...{ tensor: (name) => Promise.resolve(values(name)), location: () => undefined },
    ...{ tokenizer: nothing, hash: nothing },
  };
}
