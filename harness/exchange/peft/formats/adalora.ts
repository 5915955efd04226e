/** AdaLoRA in PEFT's files: beside names and settings, the pattern of singular values that pruning kept. */
import { z } from 'zod';
import { UsageError } from '../../../support/errors.ts';
import { adaloraTargets } from '../../../models/delta/target-roles.ts';
import type { StoredTensors } from '../../adapter.ts';
import { inModel, type Format } from '../format.ts';
import { overLinearModules, sitesWith } from './linear-modules.ts';
import { beginning } from './low-rank.ts';
import { sitesNamed } from '../target-modules.ts';
import { noBias } from '../settings.ts';

type Stored = StoredTensors[string];

const count = z.int().positive();
const share = z.number().min(0).lt(1);
const patterns = z.record(z.string(), z.array(z.boolean())).nullish();

const whole = overLinearModules({
  peftType: 'ADALORA',
  names: {
    rank: 'init_r',
    targetRank: 'target_r',
    alpha: 'lora_alpha',
    dropout: 'lora_dropout',
    initialSteps: 'tinit',
    finalSteps: 'tfinal',
    every: 'deltaT',
    beta1: 'beta1',
    beta2: 'beta2',
    orthogonality: 'orth_reg_weight',
  },
  settings: z.object({
    init_r: count.default(12),
    target_r: count.default(8),
    lora_alpha: z.number().positive(),
    tinit: z.int().min(0).default(0),
    tfinal: z.int().min(0).default(0),
    deltaT: count.default(1),
    beta1: share.default(0.85),
    beta2: share.default(0.85),
    lora_dropout: share.default(0),
    orth_reg_weight: z.number().min(0).default(0.5),
    total_step: count.nullish(),
    bias: noBias,
    ...beginning,
    rank_pattern: patterns,
    // LoRA's rank, which PEFT's AdaLoRA does not use.
    r: count.optional(),
  }),
  fixed: { bias: 'none', init_lora_weights: true },
  parts: { lora_A: 'lora_A', lora_E: 'lora_E', lora_B: 'lora_B' },
  usual: ({ family }) => adaloraTargets(family),
});

/**
 * AdaLoRA. PEFT stores no rows of lora_A and lora_E and no columns of lora_B for dropped singular values;
 * `rank_pattern` says which values are kept.
 */
export const adalora: Format = {
  peftType: 'ADALORA',
  savesModules: true,
  write(adapter, base) {
    const { settings, tensors } = whole.write(adapter, base);
    const { init_r: rank, tinit, tfinal } = settings as { init_r: number; tinit: number; tfinal: number };
    const steps = adapter.steps ?? 1;
    // Our option counts steps or, below 1, is a share of all steps; PEFT's setting counts steps.
    const [start, end] = [tinit, tfinal].map((n) => Math.floor(n < 1 ? n * steps : n)) as [number, number];
    const scheduled = {
      ...settings,
      tinit: start,
      tfinal: end,
      total_step: Math.max(steps, start + end + 1),
    };
    const dropped = adapter.tensors.dropped?.data;
    if (!dropped?.includes(1)) return { settings: { ...scheduled, rank_pattern: null }, tensors };
    const pattern = Object.fromEntries(
      sitesWith(base, adapter.tensors, 'lora_E').map(({ name }, site) => [
        `${name}.lora_E`,
        Array.from({ length: rank }, (_, k) => dropped[site * rank + k] !== 1),
      ]),
    );
    const cut = Object.entries(tensors).map(([key, tensor]) => {
      const kept = pattern[`${moduleOf(key.slice(inModel.length))}.lora_E`];
      // A module of the base that is trained whole has no rank.
      const left = kept ? alongRank(key, tensor, (rows) => rows.filter((_, k) => kept[k])) : tensor;
      return [key, left] as const;
    });
    return { settings: { ...scheduled, rank_pattern: pattern }, tensors: Object.fromEntries(cut) };
  },
  read(config, tensors, base, where) {
    const adapter = whole.read(config, tensors, base, where);
    const { rank } = adapter.options as { rank: number };
    const given = Object.entries(patterns.parse(config.rank_pattern) ?? {});
    const named = given.map(([key, kept]) => [key.replace(/\.lora_E$/, ''), kept] as const);
    const modules = sitesNamed(base, new Set(named.map(([module]) => module)), where);
    const pattern = new Map(named.map(([module, kept]) => [modules.get(module)!.name, kept]));
    const keptOf = (module: string): readonly boolean[] => {
      const kept = pattern.get(module) ?? Array.from({ length: rank }, () => true);
      if (kept.length === rank) return kept;
      throw new UsageError(
        `${where}: rank_pattern has ${kept.length} entries for ${module}, init_r is ${rank}.`,
      );
    };
    const grown = Object.entries(adapter.tensors).map(([name, tensor]) => {
      const kept = keptOf(moduleOf(name));
      const grow = (rows: readonly Float32Array[]): Float32Array[] => {
        const left = kept.filter(Boolean).length;
        if (rows.length !== left) {
          throw new UsageError(
            `${where}: "${name}" has rank ${rows.length}, its rank_pattern keeps ${left}.`,
          );
        }
        let next = 0;
        const size = tensor.data.length / Math.max(1, left);
        return kept.map((is) => (is ? rows[next++]! : new Float32Array(size)));
      };
      return [name, alongRank(name, tensor, grow)] as const;
    });
    const sites = sitesWith(base, adapter.tensors, 'lora_E');
    const dropped = Float32Array.from(
      sites.flatMap(({ name }) => keptOf(name)),
      (is) => (is ? 0 : 1),
    );
    return {
      options: adapter.options,
      tensors: { ...Object.fromEntries(grown), dropped: { shape: [dropped.length], data: dropped } },
    };
  },
};

const moduleOf = (name: string): string => name.slice(0, name.lastIndexOf('.'));

/**
 * Applies `change` to the list of a tensor's slices along its rank: rows, or columns of lora_B [out, rank].
 */
function alongRank(
  name: string,
  { shape, data }: Stored,
  change: (rows: readonly Float32Array[]) => readonly Float32Array[],
): Stored {
  const [height, width] = shape as [number, number];
  const byColumn = name.endsWith('.lora_B');
  const [rank, size] = byColumn ? [width, height] : [height, width];
  const at = (k: number, i: number): number => (byColumn ? i * rank + k : k * size + i);
  const rows = change(
    Array.from({ length: rank }, (_, k) => Float32Array.from({ length: size }, (_, i) => data[at(k, i)]!)),
  );
  const out = new Float32Array(rows.length * size);
  rows.forEach((row, k) => {
    row.forEach((value, i) => (out[byColumn ? i * rows.length + k : k * size + i] = value));
  });
  return { shape: byColumn ? [size, rows.length] : [rows.length, size], data: out };
}
