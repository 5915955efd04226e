/**
 * What LoRA and its variants share: their options, what these mean on a base, the tensors of each module, and
 * LoRA itself. An embedding is a linear module of one-hot inputs, whose A starts at 0 and B at N(0, 1), the
 * other way round.
 */
import { z } from 'zod';
import {
  type AffineEdit,
  type BaseModel,
  constantTensor,
  countOfEach,
  type Delta,
  editEmbeddings,
  editLinears,
  exceptions,
  gather,
  layerList,
  linearBound,
  linearTargets,
  matMul,
  mergeAt,
  normalTensor,
  numberOfEach,
  queryAndValue,
  type Site,
  type Tensor,
  tensorsAt,
  tokenRows,
  trainTokens,
  trainWhole,
  type TensorSpec,
  uniformTensor,
  wholeModules,
} from '../../harness/method.ts';

/** The options that stand first; a variant's name lists options in the order of its schema. */
export const sizeOptions = {
  rank: z.int().positive().default(8).describe('r, rows of A and columns of B'),
  alpha: z.number().positive().default(8).describe('numerator of the scale alpha / r'),
  dropout: z.number().min(0).lt(1).default(0).describe('on the input of A while training'),
};

/** The options that give single modules a rank and an alpha of their own. */
export const sizeExceptions = { ranks: exceptions('rank'), alphas: exceptions('alpha') };

/** The options that stand last: which modules are adapted, the sizes of single ones, and trained biases. */
export const placeOptions = {
  targets: queryAndValue.describe(
    'modules by role, passed over where the base lacks it, or by the end of their names; beside linear modules also ' +
      'head, wordEmbedding, positionEmbedding and tokenTypeEmbedding',
  ),
  layers: layerList,
  ...sizeExceptions,
  biases: z
    .enum(['all', 'adapted'])
    .optional()
    .describe("the base's biases that are trained too: all of them, or those of the adapted modules"),
  whole: wholeModules,
  ...tokenRows,
};

interface SizeOptions {
  readonly rank: number;
  readonly alpha: number;
  readonly ranks?: readonly string[] | undefined;
  readonly alphas?: readonly string[] | undefined;
}

interface Options extends SizeOptions {
  readonly rankStabilized?: boolean | undefined;
  readonly targets: readonly string[];
  readonly layers?: readonly number[] | undefined;
  readonly biases?: 'all' | 'adapted' | undefined;
  readonly whole?: readonly string[] | undefined;
  readonly tokens?: readonly number[] | undefined;
  readonly headTokens?: readonly number[] | undefined;
}

/** The rank and the alpha of each module. */
export interface Sizes {
  /** r */
  rankOf(site: Site): number;
  alphaOf(site: Site): number;
}

/** What the options of sizes mean for modules; throws RangeError where they name none, or a rank is not whole. */
export const sizesOf = (sites: readonly Site[], { rank, alpha, ranks, alphas }: SizeOptions): Sizes => ({
  rankOf: countOfEach(sites, rank, ranks, 'ranks'),
  alphaOf: numberOfEach(sites, alpha, alphas),
});

/** The modules that are adapted, and the size of each. */
export interface LowRank extends Pick<Sizes, 'rankOf'> {
  readonly sites: readonly Site[];
  /** Those among them that are linear, the head included, and the others. */
  readonly linear: readonly Site[];
  readonly embeddings: readonly Site[];
  /** The factor of B A: alpha / r, or alpha / √r (rsLoRA), of the module's own alpha and r. */
  scaleOf(site: Site): number;
  /** A [r, inputs] and B [outputs, r] of a module, by the ends of their names. */
  tensorsOf(site: Site): Record<string, TensorSpec>;
  /** A module's scale · B A in numbers. */
  lowOf(site: Site, own: (end: string) => Float32Array): NonNullable<AffineEdit['low']>;
  /** The biases of the base that the options train. */
  readonly unfreezes: Pick<Delta, 'unfreezes'>;
}

/** The ends of the names of A and B, as peft calls them. */
export function endsOf({ kind }: Site): { readonly A: string; readonly B: string } {
  return kind === 'embedding'
    ? { A: 'lora_embedding_A', B: 'lora_embedding_B' }
    : { A: 'lora_A.weight', B: 'lora_B.weight' };
}

/** What the options mean on a base; throws RangeError where they name what the base does not have. */
export function lowRank(base: BaseModel, options: Options): LowRank {
  const sites = linearTargets(base, options, ['linear', 'embedding', 'head']);
  const { rankOf, alphaOf } = sizesOf(sites, options);
  const scaleOf = (site: Site): number => {
    const rank = rankOf(site);
    return alphaOf(site) / (options.rankStabilized ? Math.sqrt(rank) : rank);
  };
  return {
    sites,
    linear: sites.filter(({ kind }) => kind !== 'embedding'),
    embeddings: sites.filter(({ kind }) => kind === 'embedding'),
    rankOf,
    scaleOf,
    tensorsOf(site) {
      const { A, B } = endsOf(site);
      const { kind, inputs, outputs } = site;
      const [down, up] = [
        [rankOf(site), inputs],
        [outputs, rankOf(site)],
      ];
      return kind === 'embedding'
        ? { [A]: constantTensor(down, 0), [B]: normalTensor(up, 1) }
        : { [A]: uniformTensor(down, linearBound(inputs)), [B]: constantTensor(up, 0) };
    },
    lowOf: (site, own) => () => {
      const { A, B } = endsOf(site);
      return { up: own(B).map((b) => b * scaleOf(site)), down: own(A) };
    },
    unfreezes: unfreezeBiases(options.biases, sites),
  };
}

/** x Aᵀ Bᵀ of rows x [N, inputs], [N, outputs]. */
export const lowProduct = (x: Tensor, A: Tensor, B: Tensor): Tensor =>
  matMul(matMul(x, A, false, true), B, false, true);

/** B A of the rows that are read at ids [N] of an embedding, [N, d]; peft drops nothing of them. */
export function embeddedLow(own: (end: string) => Tensor, ids: Tensor): Tensor {
  const columns = gather(own('lora_embedding_A').transpose([1, 0]), ids);
  return matMul(columns, own('lora_embedding_B'), false, true);
}

/** Which biases of the base are trained, as `Delta.unfreezes` says it: peft's settings `all` and `lora_only`. */
function unfreezeBiases(biases: Options['biases'], sites: readonly Site[]): Pick<Delta, 'unfreezes'> {
  if (biases === undefined) return {};
  const names = new Set(sites.map(({ name }) => `${name}.bias`));
  return { unfreezes: (name) => (biases === 'all' ? name.endsWith('.bias') : names.has(name)) };
}

/** Adds what the options train of the base beside the adapted modules: whole ones, and rows of single tokens. */
export const trainOfBase = (
  delta: Delta,
  base: BaseModel,
  options: Options,
  adapted: readonly Site[],
): Delta => trainTokens(trainWhole(delta, base, options.whole, adapted), base, options, adapted);

/**
 * LoRA: y = W x + scale · B A dropout(x). Of linear modules B learns at `ratio` times the rate of A where it is
 * given (LoRA+).
 */
export function loraDelta(
  base: BaseModel,
  options: Options & {
    readonly dropout: number;
    readonly ratio?: number;
    readonly biasOfB?: true | undefined;
  },
): Delta {
  const { sites, linear, embeddings, tensorsOf, scaleOf, lowOf, unfreezes } = lowRank(base, options);
  const { dropout, ratio, biasOfB } = options;
  const table = embeddings[0];
  if (biasOfB && table) throw new RangeError(`B has no bias on ${table.name}, which is an embedding`);
  const specsOf = (site: Site): Record<string, TensorSpec> => {
    const { 'lora_B.weight': B, ...others } = tensorsOf(site);
    return {
      ...others,
      ...(B && { 'lora_B.weight': ratio === undefined ? B : { ...B, learningRate: ratio } }),
      ...(biasOfB && { 'lora_B.bias': constantTensor([site.outputs], 0) }),
    };
  };
  const delta: Delta = {
    trained: tensorsAt(sites, specsOf),
    ...unfreezes,
    edits: (x, context) => ({
      ...editLinears(linear, x, (y, { input, own, site }) => {
        const dropped = context.dropout(input, dropout, `${site.name}.lora_dropout`);
        const low = lowProduct(dropped, own('lora_A.weight'), own('lora_B.weight'));
        return y.add((biasOfB ? low.add(own('lora_B.bias')) : low).mul(scaleOf(site)));
      }),
      ...(embeddings.length > 0 &&
        editEmbeddings(embeddings, x, (rows, { ids, own, site }) =>
          rows.add(embeddedLow(own, ids).mul(scaleOf(site))),
        )),
    }),
    merge: (x) =>
      mergeAt(sites, x, ({ own, site }) => ({
        low: lowOf(site, own),
        ...(biasOfB && { shift: own('lora_B.bias').map((b) => b * scaleOf(site)) }),
      })),
  };
  return trainOfBase(delta, base, options, sites);
}
