/**
 * The ReFT family (Wu et al. 2024, arXiv:2404.03592) as pyreft defines it: a low-rank edit of block outputs
 * at the first and the last tokens of the prompt, h → h + (s − Rᵀh) Rᵀ or a part of it. `Form` says in what
 * its methods differ.
 */
import { z } from 'zod';
import {
  concat,
  type Context,
  defineMethod,
  linearBound,
  matMul,
  type Method,
  type Random,
  type Site,
  sitesInLayers,
  split,
  stack,
  type Tensor,
  type TensorSpec,
  uniformTensor,
} from '../../harness/method.ts';

const options = z.strictObject({
  rank: z.int().positive().default(8).describe('r, directions of each edit'),
  first: z.int().min(0).default(1).describe('tokens edited at the start of the prompt, at most half of it'),
  last: z.int().min(0).default(1).describe('tokens edited at the end of the prompt, at most half of it'),
  // pyreft's default is false; but the first tokens of a decoder's last block reach no loss, and their edit
  // would not move.
  tied: z.boolean().default(true).describe('one edit for the first and the last tokens, else one for each'),
  dropout: z.number().min(0).lt(1).default(0).describe('on the whole output of an edited token'),
  layers: z.array(z.int().min(0)).optional().describe('layers to edit; all where absent'),
});

/** What tells the methods of the family apart. */
interface Form {
  readonly name: string;
  readonly label: string;
  /** In the paper's letters; R here is its transpose. */
  readonly formula: string;
  /** s: W h + b, or b alone. */
  readonly source: 'linear' | 'constant';
  /** Whether Rᵀh is subtracted. */
  readonly subtracts: boolean;
  /** R [d, r] with orthonormal columns, or in its place a free matrix P [r, d] (its map is P h + Pb). */
  readonly directions: 'orthonormal' | 'free';
}

/**
 * One edit of a site: the beginning of its tensors' names, and the tokens that it acts on as [N, 1] of 0 and
 * 1.
 */
interface TokenEdit {
  readonly name: string;
  tokens(context: Context): Tensor;
}

/** A ReFT method of the given form. */
export function defineReft(form: Form): Method<typeof options> {
  const { name, label, formula } = form;
  const rotates = form.directions === 'orthonormal';
  return defineMethod({
    name,
    label,
    paper: 'Wu et al. 2024, arXiv:2404.03592',
    formula,
    options,
    defaults: { learningRate: 9e-4 },
    attach(base, { rank, first, last, tied, dropout, layers }) {
      if (first + last === 0) throw new RangeError(`${label} without first and last tokens trains nothing`);
      // In an encoder-decoder the encoder reads the prompt.
      const reader = base.sites.some((site) => site.stack === 'encoder') ? 'encoder' : 'decoder';
      const sites = sitesInLayers(base, layers, (site) => site.role === 'block' && site.stack === reader);
      const d = sites[0]!.outputs;
      const edited = new Set(sites.map((site) => site.name));

      const names = sites.flatMap((site) => editsOf(site, { first, last, tied }).map((edit) => edit.name));

      return {
        trained: Object.assign({}, ...names.map((edit) => tensorsOf(form, edit, d, rank))) as Tensors,
        readsPrompt: true,
        edits: (x, context) => ({
          block(h, site) {
            if (!edited.has(site.name)) return h;
            let out = h;
            let tokens: Tensor | undefined;
            for (const edit of editsOf(site, { first, last, tied })) {
              const own = (part: string): Tensor => x[`${edit.name}.${part}`]!;
              const change = changeOf(form, h, own);
              const mask = edit.tokens(context);
              // The mask is applied to [N, r], before the product that widens it to [N, d].
              out = out.add(matMul(change.mul(mask), rotates ? own('R') : own('P'), false, rotates));
              tokens = tokens ? tokens.add(mask) : mask;
            }
            const keep = context.dropoutMask(h.shape, dropout, `${site.name}.reft`);
            return keep && tokens ? out.mul(keep.sub(1).mul(tokens).add(1)) : out;
          },
        }),
        ...(rotates && {
          update(x) {
            const matrices = names.map((edit) => `${edit}.R`);
            const all = orthonormalize(stack(matrices.map((R) => x[R]!)));
            const parts = split(all, matrices.length, 0);
            return Object.fromEntries(matrices.map((R, i) => [R, parts[i]!.reshape([d, rank])]));
          },
        }),
      };
    },
  });
}

type Tensors = Record<string, TensorSpec>;

/** The edits of a site: one for the first and the last tokens, or one for each that there are. */
function editsOf(
  { name }: Site,
  { first, last, tied }: Pick<z.infer<typeof options>, 'first' | 'last' | 'tied'>,
): TokenEdit[] {
  const atStart = (context: Context): Tensor => firstTokens(context, first);
  const atEnd = (context: Context): Tensor => lastTokens(context, last);
  const both = (context: Context): Tensor => atStart(context).add(atEnd(context));
  if (tied) return [{ name: `${name}.reft`, tokens: both }];
  return [
    ...(first > 0 ? [{ name: `${name}.reft.first`, tokens: atStart }] : []),
    ...(last > 0 ? [{ name: `${name}.reft.last`, tokens: atEnd }] : []),
  ];
}

/**
 * The tensors of one edit; W and b start as torch's Linear does, U(±1/√d), a constant b at U(0, 1) as
 * torch.rand.
 */
function tensorsOf(form: Form, name: string, d: number, rank: number): Tensors {
  const linear = form.source === 'linear';
  const rotates = form.directions === 'orthonormal';
  const bound = linearBound(d);
  return {
    ...(linear && { [`${name}.W`]: uniformTensor([rank, d], bound) }),
    [`${name}.b`]: linear ? uniformTensor([rank], bound) : uniformTensor([rank], 1, 0),
    // Weight decay would only be undone by the next orthonormalisation.
    ...(rotates && {
      [`${name}.R`]: { shape: [d, rank], weightDecay: 0, init: (random) => randomRotation(random, d, rank) },
    }),
    ...(!rotates && { [`${name}.P`]: uniformTensor([rank, d], bound) }),
    ...(!rotates && form.subtracts && { [`${name}.Pb`]: uniformTensor([rank], bound) }),
  };
}

/** s − Rᵀh, s − (P h + Pb), or s alone: h [N, d] → [N, r], or [r] where the source is constant. */
function changeOf({ source, subtracts, directions }: Form, h: Tensor, own: (part: string) => Tensor): Tensor {
  const s = source === 'linear' ? matMul(h, own('W'), false, true).add(own('b')) : own('b');
  if (!subtracts) return s;
  if (directions === 'orthonormal') return s.sub(matMul(h, own('R')));
  return s.sub(matMul(h, own('P'), false, true).add(own('Pb')));
}

/** The first `count` prompt tokens as a mask, but never past the middle, as pyreft cuts short prompts. */
function firstTokens({ fromStart, fromEnd }: Context, count: number): Tensor {
  const inCount = fromStart.greaterEqual(0).logicalAnd(fromStart.less(count));
  return inCount.logicalAnd(fromStart.less(fromEnd)).cast('float32');
}

/** The last `count` prompt tokens as a mask, but never past the middle. */
function lastTokens({ fromStart, fromEnd }: Context, count: number): Tensor {
  const inCount = fromEnd.greaterEqual(0).logicalAnd(fromEnd.less(count));
  return inCount.logicalAnd(fromEnd.less(fromStart)).cast('float32');
}

/**
 * Gram-Schmidt on the columns of several matrices at once, [S, d, r]; the second pass removes what rounding
 * left.
 */
function orthonormalize(matrices: Tensor): Tensor {
  const rank = matrices.shape[2]!;
  let done: Tensor | undefined;
  for (let column of split(matrices, rank, 2)) {
    for (let pass = 0; done && pass < 2; pass++) {
      column = column.sub(matMul(done, matMul(done, column, true, false)));
    }
    column = column.div(column.square().sum(1, true).sqrt());
    done = done ? concat([done, column], 2) : column;
  }
  return done!;
}

/** [d, r] with orthonormal columns, uniformly distributed: Gram-Schmidt of normal numbers. */
function randomRotation(random: Random, d: number, rank: number): Float32Array {
  const columns: Float64Array[] = [];
  const drawn = random.normal(d * rank, 0, 1);
  for (let k = 0; k < rank; k++) {
    const column = Float64Array.from(drawn.subarray(k * d, (k + 1) * d));
    const dot = (other: Float64Array): number => column.reduce((sum, v, i) => sum + v * other[i]!, 0);
    for (const other of columns) {
      const along = dot(other);
      for (let i = 0; i < d; i++) column[i]! -= along * other[i]!;
    }
    const norm = Math.sqrt(dot(column));
    columns.push(column.map((v) => v / norm));
  }
  return Float32Array.from({ length: d * rank }, (_, i) => columns[i % rank]![Math.floor(i / rank)]!);
}
