import * as ops from '../../harness/engine/ops.ts';
import type { Engine, Held, NamedArrays, ProgramFunction } from '../../harness/engine/types.ts';
import { holdFrozen, trainedShapes } from '../../harness/models/attached.ts';
import { headWeight, runDecoder, type ModelUse } from '../../harness/models/run-model.ts';
import type { BaseModel, Delta } from '../../harness/models/types.ts';

/** A batch as transformers takes it. */
export interface Batch {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly labels: number[][];
  readonly position_ids?: number[][];
}

export type Arrays = Record<string, Float32Array>;

/** Logits, loss and gradients of a base under a method, at the tensors given. */
export async function computeDecoder(
  engine: Engine,
  base: BaseModel,
  delta: Delta,
  tensors: Arrays,
  batch: Batch,
): Promise<{ logits: Float32Array; loss: number; gradients: Arrays; hidden: Float32Array }> {
  const [rows, length] = [batch.input_ids.length, batch.input_ids[0]!.length];
  const held: Held = await holdFrozen(engine, base, delta, 0);
  const shapes = trainedShapes(base, delta);
  const types = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' as const }])); // prettier-ignore
  const state = engine.state(
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, { shape, data: tensors[name]! }]),
    ),
  );
  const mask = batch.attention_mask;
  const all = rows * length;
  const at = (list: number[][]): number[] => list.flat();
  // The label of the next position is this one's target.
  const targets: { row: number; id: number }[] = [];
  batch.labels.forEach((labels, row) => {
    labels.forEach((id, i) => {
      if (i > 0 && id !== -100) targets.push({ row: row * length + i - 1, id });
    });
  });
  const places = new Int32Array(all).fill(targets.length);
  targets.forEach(({ row }, place) => (places[row] = place));
  // The prompt is what stands before the first label.
  const fromStart = new Float32Array(all).fill(-1);
  const fromEnd = new Float32Array(all).fill(-1);
  batch.labels.forEach((labels, row) => {
    const [start, end] = [mask[row]!.indexOf(1), labels.findIndex((id) => id !== -100)];
    for (let i = start; i < end; i++) {
      fromStart[row * length + i] = i - start;
      fromEnd[row * length + i] = end - 1 - i;
    }
  });
  const padded = mask.some((m) => m.includes(0));
  const inputs: NamedArrays = {
    ids: Int32Array.from(at(batch.input_ids)),
    positions: Int32Array.from(batch.position_ids ? at(batch.position_ids) : Array.from({ length: all }, (_, i) => i % length)), // prettier-ignore
    targetRows: Int32Array.from(targets, ({ row }) => row),
    targetPlaces: places,
    targetIds: Int32Array.from(targets, ({ id }) => id),
    targetWeights: new Float32Array(targets.length).fill(1 / targets.length),
    tokens: Float32Array.from(at(mask)),
    prompt: fromStart.map((i) => (i >= 0 ? 1 : 0)),
    fromStart,
    fromEnd,
    bias: Float32Array.from(
      { length: all * length },
      (_, i) => (i % length <= Math.floor(i / length) % length && mask[Math.floor(i / length / length)]![i % length] ? 0 : -1e9), // prettier-ignore
    ),
  };
  const float = (shape: number[]): { shape: number[]; dtype: 'float32' } => ({ shape, dtype: 'float32' });
  const int = (n: number): { shape: number[]; dtype: 'int32' } => ({ shape: [n], dtype: 'int32' });
  const program: ProgramFunction = (x) => {
    const use: ModelUse = { base, delta, tensors: x.state, training: true, dropout: false, totalSteps: 1 };
    const forward = (): ops.Tensor => runDecoder(x, use, { batch: rows, length, ...(padded && { bias: x.inputs.bias! }) }).hidden; // prettier-ignore
    const { value, gradients } = ops.valueAndGradients(() => {
      const { targetRows, targetPlaces, targetIds, targetWeights } = x.inputs;
      const aimed = ops.selectRows(forward(), targetRows!, targetPlaces!);
      return ops.headCrossEntropy(aimed, headWeight(x, use), targetIds!, targetWeights!, 0);
    }, x.state);
    const hidden = forward();
    const named = Object.entries(gradients).map(([name, g]) => [`gradient ${name}`, g] as const);
    return {
      outputs: {
        loss: value,
        logits: ops.matMul(hidden, headWeight(x, use), false, true),
        hidden,
        ...Object.fromEntries(named),
      },
    };
  };
  const compiled = await engine.compile(
    {
      name: 'parity',
      held,
      state: types,
      inputs: {
        ids: int(all),
        positions: int(all),
        targetRows: int(targets.length),
        targetPlaces: int(all),
        targetIds: int(targets.length),
        targetWeights: float([targets.length]),
        tokens: float([all, 1]),
        prompt: float([all, 1]),
        fromStart: float([all, 1]),
        fromEnd: float([all, 1]),
        bias: float([rows, 1, length, length]),
      },
    },
    program,
  );
  const out = await compiled.run(state, inputs);
  await compiled.dispose();
  const gradients = Object.keys(shapes).map(
    (name) => [name, out[`gradient ${name}`] as Float32Array] as const,
  );
  return {
    logits: out.logits as Float32Array,
    hidden: out.hidden as Float32Array,
    loss: out.loss![0]!,
    gradients: Object.fromEntries(gradients),
  };
}
