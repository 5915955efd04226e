/** Turns a run into an adapter, which exchange/ writes in the formats of other libraries. */
import { UsageError } from '../../support/errors.ts';
import type { Adapter, StoredTensors } from '../../exchange/adapter.ts';
import { isPeftMethod } from '../../exchange/peft/find-format.ts';
import { unfrozenTensors } from '../../models/delta/trained-tensors.ts';
import type { HeadName } from '../../models/head-names.ts';
import { hasHead, mergedHead } from './hugging-face-head.ts';
import type { TrainedRun } from './open-run.ts';

/** Makes an adapter of the tensors that a run trained; throws UsageError where no adapter can hold them. */
export async function adapterOf(run: TrainedRun): Promise<Adapter> {
  const { record, base, parts, delta, values } = run;
  const [part, another] = parts as [(typeof parts)[number], ...typeof parts];
  const { variant } = record.method;
  if (another) {
    throw new UsageError(
      `${variant} is ${parts.length} methods together, and an adapter holds one. ` +
        `"merge" may write it as a checkpoint.`,
    );
  }
  if (Object.keys(delta.trained).length === 0 && !isPeftMethod(part.method.name)) {
    throw new UsageError(
      `${variant} trains only the base's own tensors, which make a checkpoint and no adapter: ` +
        `"merge" writes it.`,
    );
  }
  const specs = { ...delta.trained, ...delta.frozen, ...delta.state };
  const shapes = [
    ...Object.entries(specs).map(([name, { shape }]) => [name, shape] as const),
    ...unfrozenTensors(base, delta).map((name) => [name, base.shapes[name]!] as const),
  ];
  return {
    method: part.method.name,
    options: part.options,
    tensors: Object.fromEntries(shapes.map(([name, shape]) => [name, { shape, data: values[name]! }])),
    head: await headOf(run),
    ...(hasHead(run) && { headName: headNameOf(run) }),
    steps: record.training!.steps,
  };
}

/**
 * The head's name in adapters: transformers has no head `mean`, and the paper's has the same tensors as
 * transformers' own.
 */
const headNameOf = ({ record }: TrainedRun): HeadName =>
  record.settings.recipe.head === 'mean' ? 'mean' : 'huggingface';

/** The tensors of the head as transformers has them, without those of the base that it only reads. */
async function headOf(run: TrainedRun): Promise<StoredTensors> {
  if (run.record.settings.recipe.head !== 'paper') return run.head;
  const head: Record<string, StoredTensors[string]> = {};
  for (const [name, { shape, data }] of Object.entries((await mergedHead(run)).tensors)) {
    head[name] = { shape, data: typeof data === 'function' ? await data() : data };
  }
  return head;
}
