/**
 * Rows of the word embedding, or of a head of its own, that a method trains: peft's trainable_token_indices. Modules
 * that share the weight read the same rows, a tied head too. LoRA and its relatives have them.
 */
import { z } from 'zod';
import { equal, linear, matMul, oneHot, ones, tensor, type Tensor } from '../../engine/ops.ts';
import { ownHeadName } from '../architecture.ts';
import type { BaseModel } from '../base-model.ts';
import { type Edits, hasWeight, type Site, type Tensors, weightName } from '../edits.ts';
import type { Delta } from '../method.ts';
import { composeEdits } from './compose.ts';
import { editEmbeddings, editLinears } from './edits-at-sites.ts';

/** The rows that are trained, by the ids of their tokens. */
interface TokenRows {
  readonly tokens?: readonly number[] | undefined;
  readonly headTokens?: readonly number[] | undefined;
}

const ids = z.array(z.int().min(0)).min(1).optional();

/** The options of a method that trains rows of single tokens. */
export const tokenRows = {
  tokens: ids.describe(
    'tokens by id whose rows of the word embedding are trained, and of a head that shares it',
  ),
  headTokens: ids.describe('tokens by id whose rows of a head with a weight of its own are trained'),
};

/** A weight of the base of which some rows are trained. */
interface Table {
  readonly weight: string;
  readonly ids: readonly number[];
  /** The modules that read it. */
  readonly sites: readonly Site[];
}

/** The name of the trained rows [n, d] of a weight, as peft calls them. */
export const rowsName = (weight: string): string =>
  weight.replace(/weight$/, 'token_adapter.trainable_tokens_delta');

/**
 * Lets a method train the rows of some tokens as well, which begin as the base's. Throws RangeError where the base
 * has no such token or head, or the method changes the table in another way too.
 */
export function trainTokens(
  delta: Delta,
  base: BaseModel,
  { tokens, headTokens }: TokenRows,
  adapted: readonly Site[],
): Delta {
  const { embedding } = base.architecture;
  if (headTokens && !base.sites.some((site) => site.kind === 'head' && weightName(site) === ownHeadName))
    throw new RangeError(`${base.id} has no head with a weight of its own; \`tokens\` trains what it shares`);
  const tables = [
    ...(tokens ? [tableOf(base, embedding, tokens)] : []),
    ...(headTokens ? [tableOf(base, ownHeadName, headTokens)] : []),
  ];
  if (tables.length === 0) return delta;
  for (const { weight, sites } of tables) {
    const twice = sites.find((site) => adapted.includes(site) || delta.unfreezes?.(weight, site));
    if (twice)
      throw new RangeError(`${twice.name} is trained already, so that no rows of it are trained apart`);
  }
  const rows = tables.map(({ weight, ids }) => [
    rowsName(weight),
    {
      shape: [ids.length, base.shapes[weight]![1]!],
      init: async (_: unknown, model: BaseModel) =>
        rowsOf(await model.tensor(weight), ids, model.shapes[weight]![1]!),
    },
  ]);
  return {
    ...delta,
    trained: { ...delta.trained, ...(Object.fromEntries(rows) as Delta['trained']) },
    edits: (x, context) =>
      composeEdits([...tables.map((table) => rowEdits(table, x)), delta.edits?.(x, context) ?? {}]),
    mergeTensor: (x) => (name, value) => {
      const before = delta.mergeTensor?.(x)(name, value) ?? value;
      const table = tables.find(({ weight }) => weight === name);
      return table ? withRows(before, table.ids, x[rowsName(name)]!) : before;
    },
  };
}

function tableOf({ id, sites, shapes }: BaseModel, weight: string, ids: readonly number[]): Table {
  const count = shapes[weight]![0]!;
  const outside = ids.find((token) => token >= count);
  if (outside !== undefined)
    throw new RangeError(`${id} has no token ${outside}; it has ${count}, counted from 0`);
  const twice = ids.find((token, i) => ids.indexOf(token) !== i);
  if (twice !== undefined) throw new RangeError(`token ${twice} is named twice`);
  return { weight, ids, sites: sites.filter((site) => hasWeight(site) && weightName(site) === weight) };
}

/** What the readers of a table compute with the trained rows in the places of the base's. */
function rowEdits({ weight, ids, sites }: Table, x: Tensors): Edits {
  const trained = x[rowsName(weight)]!;
  const kinds = (kind: Site['kind']): Site[] => sites.filter((site) => site.kind === kind);
  const chosen = tensor(Int32Array.from(ids), [ids.length], 'int32');
  return {
    ...editEmbeddings(kinds('embedding'), x, (rows, { ids: read }) => {
      // [N, n]: which of the trained tokens each row is.
      const is = equal(read.reshape([-1, 1]), chosen.reshape([1, ids.length])).cast('float32');
      return rows.mul(inverse(is.sum(1, true))).add(matMul(is, trained));
    }),
    ...editLinears(kinds('head'), x, (scores, { input }) => {
      // [n, V]: the column of each trained token.
      const columns = oneHot(chosen, scores.shape[1]!).cast('float32');
      const own = linear(input, trained, undefined, true);
      return scores.mul(inverse(columns.sum(0, true))).add(matMul(own, columns));
    }),
  };
}

const inverse = (mask: Tensor): Tensor => ones(mask.shape).sub(mask);

function rowsOf(table: Float32Array, ids: readonly number[], width: number): Float32Array {
  return Float32Array.from({ length: ids.length * width }, (_, i) => {
    const token = ids[Math.floor(i / width)]!;
    return table[token * width + (i % width)]!;
  });
}

function withRows(table: Float32Array, ids: readonly number[], rows: Float32Array): Float32Array {
  const whole = table.slice();
  const width = rows.length / ids.length;
  ids.forEach((token, i) => {
    whole.set(rows.subarray(i * width, (i + 1) * width), token * width);
  });
  return whole;
}
