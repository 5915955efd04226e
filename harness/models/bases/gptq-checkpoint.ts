/**
 * Checkpoints whose linear weights are GPTQ's codes of four bits: in place of `P.weight` lie `P.qweight`, its
 * zero points, scales and, where groups are of inputs in another order, the group of each. Their numbers read
 * as those of any other checkpoint, and the codes as onnxruntime dequantises them.
 */
import type { Checkpoint } from '../../data/formats/checkpoint.ts';
import { type GptqWeight, groupCodes, type GroupedCodes, unpackGptq } from '../../data/formats/gptq.ts';
import type { Dtype } from '../../data/formats/safetensors.ts';
import { UsageError } from '../../support/errors.ts';
import { transpose } from '../../support/numbers/transpose.ts';
import type { Architecture } from '../architecture.ts';
import { type GptqConfig, gptqGroups, type GptqWeights } from './base-weights.ts';

/** A checkpoint of GPTQ: `shape` and `read` are of the numbers that the codes stand for. */
export interface GptqCheckpoint extends Checkpoint {
  readonly weights: GptqWeights;
  /** The grouped codes of a tensor; undefined where it is stored as numbers. */
  codes(name: string): Promise<GroupedCodes | undefined>;
}

/** What the sizes of a module's tensors say of its weight. */
interface Sizes {
  readonly module: string;
  readonly inputs: number;
  readonly outputs: number;
  /** Inputs of a group */
  readonly groupSize: number;
  readonly groups: number;
}

/**
 * Finds the weights of a GPTQ checkpoint. Throws UsageError with the tensor's name where a part is missing or
 * contradicts another.
 */
export async function gptqCheckpoint(
  checkpoint: Checkpoint,
  id: string,
  { transposed, shapes }: Pick<Architecture, 'transposed' | 'shapes'>,
  config: GptqConfig,
): Promise<GptqCheckpoint> {
  const wrong = (name: string, what: string): UsageError =>
    new UsageError(`The checkpoint of ${id} cannot be read: ${name} ${what}.`);
  const modules = checkpoint.names
    .filter((name) => name.endsWith('.qweight'))
    .map((name) => name.slice(0, -8));
  const sizes = new Map(
    modules.map((module) => [`${module}.weight`, sizesOf(checkpoint, module, config, wrong)]),
  );
  if (sizes.size === 0)
    throw new UsageError(`The checkpoint of ${id} has no weights of GPTQ, as its config.json says.`);
  const parts = new Set(modules.flatMap((module) => PARTS.map((part) => `${module}.${part}`)));
  for (const module of modules) {
    // AutoGPTQ once saved a bias of zeros beside every weight.
    const bias = `${module}.bias`;
    if (!checkpoint.names.includes(bias) || bias in shapes) continue;
    if ((await checkpoint.read(bias)).every((value) => value === 0)) parts.add(bias);
  }
  const weightOf = (name: string): Promise<GptqWeight> | undefined => {
    const found = sizes.get(name);
    return found && readWeight(checkpoint, found, config, wrong);
  };
  return {
    ...checkpoint,
    names: [...checkpoint.names.filter((name) => !parts.has(name)), ...sizes.keys()],
    weights: { kind: 'gptq', groupSize: config.group_size, isOrdered: config.desc_act },
    async codes(name) {
      const weight = await weightOf(name);
      return weight && groupCodes(weight, sizes.get(name)!.groupSize);
    },
    shape(name) {
      const found = sizes.get(name);
      if (!found) return checkpoint.shape(name);
      return transposed ? [found.outputs, found.inputs] : [found.inputs, found.outputs];
    },
    async read(name) {
      const weight = await weightOf(name);
      if (!weight) return checkpoint.read(name);
      const numbers = unpackGptq(weight);
      return transposed ? numbers : transpose(numbers, weight.outputs, weight.inputs);
    },
    location: (name) => checkpoint.location(sizes.has(name) ? `${sizes.get(name)!.module}.qweight` : name),
    isSame: async (name, other) =>
      !sizes.has(name) && !sizes.has(other) && (await checkpoint.isSame(name, other)),
  };
}

const PARTS = ['qweight', 'qzeros', 'scales', 'g_idx'] as const;
type Wrong = (name: string, what: string) => UsageError;

/** Throws UsageError where a part of a weight is missing, or has another type or shape than the others imply. */
function sizesOf(checkpoint: Checkpoint, module: string, config: GptqConfig, wrong: Wrong): Sizes {
  const names = new Set(checkpoint.names);
  const [rows, outputs] = checkpoint.shape(`${module}.qweight`) as [number, number];
  const inputs = 8 * rows;
  const { groupSize, groups } = gptqGroups(config.group_size, inputs);
  const expect = (part: (typeof PARTS)[number], types: readonly Dtype[], shape: readonly number[]): void => {
    const name = `${module}.${part}`;
    if (!names.has(name)) throw wrong(name, `is missing, which the codes of ${module}.qweight need`);
    const { dtype } = checkpoint.location(name);
    if (!types.includes(dtype)) throw wrong(name, `is ${dtype}, not ${types.join(' or ')}`);
    const found = checkpoint.shape(name);
    if (found.join() !== shape.join())
      throw wrong(name, `has the shape [${found.join(', ')}], not [${shape.join(', ')}]`);
  };
  expect('qweight', ['I32'], [rows, outputs]);
  if (outputs % 8 > 0) throw wrong(`${module}.qweight`, `has ${outputs} outputs, no multiple of 8`);
  expect('qzeros', ['I32'], [groups, outputs / 8]);
  expect('scales', ['F16', 'BF16', 'F32'], [groups, outputs]);
  if (names.has(`${module}.g_idx`) || config.desc_act) expect('g_idx', ['I32'], [inputs]);
  return { module, inputs, outputs, groupSize, groups };
}

async function readWeight(
  checkpoint: Checkpoint,
  { module, inputs, outputs, groupSize, groups }: Sizes,
  { desc_act: isOrdered, checkpoint_format: version }: GptqConfig,
  wrong: Wrong,
): Promise<GptqWeight> {
  const integers = async (part: string): Promise<Int32Array> =>
    new Int32Array((await checkpoint.readBytes(`${module}.${part}`)).buffer);
  const usual = Int32Array.from({ length: inputs }, (_, input) => Math.floor(input / groupSize));
  const groupOf = checkpoint.names.includes(`${module}.g_idx`) ? await integers('g_idx') : usual;
  const counts = new Int32Array(groups);
  for (const group of groupOf) if (group >= 0 && group < groups) counts[group]!++;
  const isWhole = counts.every((count, group) => count === Math.min(groupSize, inputs - group * groupSize));
  if (!isWhole)
    throw wrong(`${module}.g_idx`, `does not divide ${inputs} inputs into groups of ${groupSize}`);
  if (!isOrdered && groupOf.some((group, input) => group !== usual[input]))
    throw wrong(`${module}.g_idx`, 'has groups in another order, though desc_act is false');
  const scales = await checkpoint.read(`${module}.scales`);
  if (!scales.every(Number.isFinite)) throw wrong(`${module}.scales`, 'holds scales that are not finite');
  const missing = version === 'gptq_v2' ? 0 : 1;
  const [codes, zeros] = [await integers('qweight'), await integers('qzeros')];
  return { inputs, outputs, codes, zeros, missing, scales, groupOf };
}
