/**
 * Packs of trained tensors: methods train hundreds of small vectors, and an operation for each would cost
 * more than its arithmetic. Programs, the optimiser and the loop see packs; the model and results see the
 * tensors by their names.
 */
import type { Shape } from '../../engine/types.ts';
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { Tensors } from '../../models/edits.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';

/** A tensor that is trained, with its settings of the optimiser. */
export interface TrainedTensor {
  readonly name: string;
  readonly shape: Shape;
  /** Whether weight decay acts on it. */
  readonly decays: boolean;
  /** Factor on the learning rate. */
  readonly rate: number;
}

/**
 * Trained tensors that the optimiser updates as one: a large one by itself, or many small ones end to end.
 */
export interface Pack {
  readonly name: string;
  /** [parts, size of a part]: the optimiser computes part by part. */
  readonly shape: Shape;
  readonly decays: boolean;
  readonly rate: number;
  readonly members: readonly { readonly name: string; readonly shape: Shape; readonly size: number }[];
}

/** Tensors of at most this many elements share a pack: a few operations then serve hundreds of vectors. */
const SMALL = 2 ** 16;

/** Groups trained tensors into packs: small ones of equal settings together. */
export function packTensors(tensors: readonly TrainedTensor[]): Pack[] {
  const packs: Pack[] = [];
  const small = new Map<string, TrainedTensor[]>();
  for (const tensor of tensors) {
    if (sizeOf(tensor.shape) > SMALL) continue;
    const name = `small${tensor.decays ? '' : '.nodecay'}${tensor.rate === 1 ? '' : `.rate${tensor.rate}`}`;
    small.set(name, [...(small.get(name) ?? []), tensor]);
  }
  for (const [name, group] of small) {
    const members = group.map((t) => ({ name: t.name, shape: t.shape, size: sizeOf(t.shape) }));
    const length = members.reduce((sum, { size }) => sum + size, 0);
    packs.push({
      name,
      shape: ops.cutEvenly(length),
      decays: group[0]!.decays,
      rate: group[0]!.rate,
      members,
    });
  }
  for (const { name, shape, decays, rate } of tensors) {
    const size = sizeOf(shape);
    if (size > SMALL)
      packs.push({ name, shape: ops.cutEvenly(size), decays, rate, members: [{ name, shape, size }] });
  }
  return packs;
}

/**
 * The shape that a pack's gradients add up in: of a single tensor its own, so that rows are scattered
 * straight onto it.
 */
export const gradientShape = ({ shape, members }: Pack): Shape =>
  members.length === 1 ? members[0]!.shape : shape;

/** The tensors of the packs under their own names. */
export function unpack(packs: readonly Pack[], packed: Tensors): Record<string, Tensor> {
  const out: Record<string, Tensor> = {};
  for (const { name, members } of packs) {
    const whole = packed[name]!;
    const parts =
      members.length === 1
        ? [whole]
        : ops.split(
            whole.reshape([-1]),
            members.map(({ size }) => size),
          );
    members.forEach((member, i) => (out[member.name] = parts[i]!.reshape([...member.shape])));
  }
  return out;
}

/** The packs with some of their tensors replaced. */
export function repack(packs: readonly Pack[], tensors: Tensors): Record<string, Tensor> {
  return Object.fromEntries(
    packs.map(({ name, shape, members }) => {
      const flat = members.map((member) => tensors[member.name]!.reshape([member.size]));
      return [name, (flat.length === 1 ? flat[0]! : ops.concat(flat)).reshape([...shape])];
    }),
  );
}

/** Like `unpack`, of arrays on the host; the results are views. */
export function unpackArrays(
  packs: readonly Pack[],
  packed: Readonly<Record<string, Float32Array>>,
): Record<string, { shape: Shape; data: Float32Array }> {
  const out: Record<string, { shape: Shape; data: Float32Array }> = {};
  for (const { name, members } of packs) {
    let offset = 0;
    for (const { name: member, shape, size } of members) {
      out[member] = { shape, data: packed[name]!.subarray(offset, offset + size) };
      offset += size;
    }
  }
  return out;
}

/** Arrays on the host as packs; the array of a single tensor is not copied. */
export function packArrays(
  packs: readonly Pack[],
  arrays: Readonly<Record<string, Float32Array>>,
): Record<string, Float32Array> {
  return Object.fromEntries(
    packs.map(({ name, shape, members }) => {
      if (members.length === 1) return [name, arrays[members[0]!.name]!];
      const whole = new Float32Array(sizeOf(shape));
      let offset = 0;
      for (const member of members) {
        whole.set(arrays[member.name]!, offset);
        offset += member.size;
      }
      return [name, whole];
    }),
  );
}
