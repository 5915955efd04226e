import { z } from 'zod';
import {
  concat,
  type Context,
  defineMethod,
  matMul,
  type Method,
  type Random,
  split,
  stack,
  type Tensor,
  type TensorSpec,
  sizeOf,
} from '../harness/method.ts';

const options = z.strictObject({
  rank: z.int().positive().default(8).describe('r, directions of each edit'),
  first: z.int().min(0).default(1).describe('tokens edited at the start of the prompt, at most half of it'),
  last: z.int().min(0).default(1).describe('tokens edited at the end of the prompt, at most half of it'),
  // pyreft's default is false; but the first tokens of a decoder's last block reach no loss, so that edit would stay unmoved.
  tied: z.boolean().default(true).describe('one edit for the first and the last tokens, else one for each'),
  dropout: z.number().min(0).lt(1).default(0).describe('on the whole output of an edited token'),
  layers: z.array(z.int().min(0)).optional().describe('layers to edit; all where absent'),
});

/** What tells the methods of the family apart: h → h + (s − Rᵀh) Rᵀ, or a part of it. */
interface Form {
  readonly name: string;
  readonly label: string;
  /** In the paper's letters; R here is its transpose. */
  readonly formula: string;
  /** s: W h + b, or b alone. */
  readonly source: 'linear' | 'constant';
  /** Whether Rᵀh is subtracted. */
  readonly subtracts: boolean;
  /** Directions: R with orthonormal columns, or a free matrix P (its map P h + Pb) in its place. */
  readonly directions: 'orthonormal' | 'free';
}

/** A ReFT method as pyreft defines it: an edit of block outputs at the first and the last tokens of the prompt. */
export function defineReft(form: Form): Method<typeof options> {
  const { name, label, formula } = form;
  const linear = form.source === 'linear';
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
      // Of an encoder-decoder the encoder, which reads the prompt.
      const reader = base.sites.some((s) => s.stack === 'encoder') ? 'encoder' : 'decoder';
      const sites = base.sites.filter(
        (s) => s.role === 'block' && s.stack === reader && (!layers || layers.includes(s.layer)),
      );
      if (sites.length === 0) throw new RangeError(`${base.id} has no layers ${layers?.join(', ')} to edit`);
      const d = sites[0]!.outputs;

      /** The edits of a site, by the prefix of their tensors, and the tokens that they act on, [N, 1] of 0 and 1. */
      const editsOf = (site: string): { prefix: string; acts: (context: Context) => Tensor }[] =>
        tied
          ? [{ prefix: `${site}.reft`, acts: (c) => atStart(c, first).add(atEnd(c, last)) }]
          : [
              { prefix: `${site}.reft.first`, acts: (c: Context) => atStart(c, first), count: first },
              { prefix: `${site}.reft.last`, acts: (c: Context) => atEnd(c, last), count: last },
            ].filter(({ count }) => count > 0);
      const prefixes = sites.flatMap((site) => editsOf(site.name).map(({ prefix }) => prefix));

      // torch's Linear is U(±1/√in), its bias too.
      const bound = 1 / Math.sqrt(d);
      const uniform = (shape: number[], low = -bound, high = bound): TensorSpec => ({
        shape,
        init: (random) => random.uniform(sizeOf(shape), low, high), // prettier-ignore
      });
      const trained: Record<string, TensorSpec> = {};
      for (const prefix of prefixes) {
        if (linear) trained[`${prefix}.W`] = uniform([rank, d]);
        trained[`${prefix}.b`] = linear ? uniform([rank]) : uniform([rank], 0, 1);
        // Decay would only be undone by the next orthonormalisation.
        if (rotates)
          trained[`${prefix}.R`] = { shape: [d, rank], weightDecay: 0, init: (random) => randomRotation(random, d, rank) }; // prettier-ignore
        else trained[`${prefix}.P`] = uniform([rank, d]);
        if (!rotates && form.subtracts) trained[`${prefix}.Pb`] = uniform([rank]);
      }
      const edited = new Set(sites.map((site) => site.name));
      return {
        trained,
        readsPrompt: true,
        edits: (x, context) => ({
          block(h, site) {
            if (!edited.has(site.name)) return h;
            let out = h;
            let tokens: Tensor | undefined;
            for (const { prefix, acts } of editsOf(site.name)) {
              const at = (part: string): Tensor => x[`${prefix}.${part}`]!;
              const source = linear ? matMul(h, at('W'), false, true).add(at('b')) : at('b');
              const own = rotates ? matMul(h, at('R')) : form.subtracts && matMul(h, at('P'), false, true).add(at('Pb')); // prettier-ignore
              const change = form.subtracts && own ? source.sub(own) : source;
              const mask = acts(context);
              // Masked where it is narrow.
              out = out.add(matMul(change.mul(mask), rotates ? at('R') : at('P'), false, rotates));
              tokens = tokens ? tokens.add(mask) : mask;
            }
            const keep = context.dropoutMask(h.shape, dropout, `${site.name}.reft`);
            return keep && tokens ? out.mul(keep.sub(1).mul(tokens).add(1)) : out;
          },
        }),
        ...(rotates && {
          update(x) {
            const names = prefixes.map((prefix) => `${prefix}.R`);
            const all = orthonormalize(stack(names.map((name) => x[name]!)));
            const each = split(all, names.length, 0);
            return Object.fromEntries(names.map((name, i) => [name, each[i]!.reshape([d, rank])]));
          },
        }),
      };
    },
  });
}

/** LoReFT, low-rank linear subspace ReFT: h → h + (W h + b − Rᵀh) Rᵀ with orthonormal columns R. */
export default defineReft({
  name: 'loreft',
  label: 'LoReFT',
  formula: 'h → h + Rᵀ (W h + b − R h), R Rᵀ = I',
  source: 'linear',
  subtracts: true,
  directions: 'orthonormal',
});

/** The first `count` prompt tokens as a mask, but never past the middle, as pyreft cuts short prompts. */
function atStart({ fromStart, fromEnd }: Context, count: number): Tensor {
  return fromStart.greaterEqual(0).logicalAnd(fromStart.less(count)).logicalAnd(fromStart.less(fromEnd)).cast('float32'); // prettier-ignore
}

function atEnd({ fromStart, fromEnd }: Context, count: number): Tensor {
  return fromEnd.greaterEqual(0).logicalAnd(fromEnd.less(count)).logicalAnd(fromEnd.less(fromStart)).cast('float32'); // prettier-ignore
}

/** Gram-Schmidt on the columns of several matrices at once, [S, d, r]; the second pass removes what rounding left. */
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
