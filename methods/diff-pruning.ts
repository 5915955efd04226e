/**
 * Diff pruning (Guo et al. 2020): θ → θ + z ⊙ w for every tensor of the base, where hard-concrete gates z
 * (Louizos et al. 2018) learn which numbers of w are 0 under an L0 penalty. Half way the largest of |z ⊙ w| are
 * kept, as many as `sparsity` says; from there on these alone are trained. Stored is a small share of the
 * base, trained are two numbers for each of its own.
 */
import { z } from 'zod';
import {
  type BaseModel,
  concat,
  constantTensor,
  type Context,
  defineMethod,
  type Delta,
  largest,
  log,
  maximum,
  minimum,
  sigmoid,
  slice,
  type Tensor,
  type Tensors,
} from '../harness/method.ts';

/** γ and ζ, between which the gates are stretched before they are cut to [0, 1]. */
const [LOW, HIGH] = [-1.5, 1.5];
/** The noise of a gate keeps this distance from 0 and 1. */
const EDGE = 1e-4;

const options = z.strictObject({
  sparsity: z.number().gt(0).lte(1).default(0.005).describe('share of the base that may differ in the end'),
  penalty: z.number().min(0).default(1.25e-7).describe('λ, weight of the expected number of open gates'),
  cut: z.number().min(0).max(1).default(0.5).describe('share of the steps after which the rest is cut'),
  structured: z.boolean().default(true).describe('one more gate for each tensor, which multiplies its gates'),
  start: z.number().default(5).describe("α at the start, a gate's logit"),
  gateRate: z
    .number()
    .positive()
    .default(1e4)
    .describe('factor on the learning rate for α; the paper takes 0.1 where w has 1e-5'),
  noise: z.boolean().default(true).describe('draw the gates while training'),
});
type Options = z.infer<typeof options>;

export default defineMethod({
  name: 'diff-pruning',
  label: 'Diff pruning',
  paper: 'Guo et al. 2020, arXiv:2012.07463',
  formula: 'θ → θ + z ⊙ w, z = min(1, max(0, σ(ε + α) (ζ − γ) + γ)), + λ Σ σ(α − log(−γ/ζ))',
  options,
  ablations: { unstructured: { structured: false } },
  defaults: { learningRate: 1e-5 },
  attach(base, given) {
    const { penalty, structured } = given;
    const names = Object.keys(base.shapes);
    return {
      ...tensorsOf(base, given),
      edited: new Set(names),
      edits: (x, context) => ({
        tensor(name, value) {
          const diff = x[`${name}.diff`];
          return diff && value.add(diff.mul(gate(name, x, given, context)));
        },
      }),
      penalty(x) {
        const open = (alpha: Tensor): Tensor => sigmoid(alpha.sub(Math.log(-LOW / HIGH))).sum();
        const gates = names.flatMap((name) => [
          open(x[`${name}.gate`]!),
          ...(structured ? [open(x[`${name}.group`]!)] : []),
        ]);
        // Once the rest is cut, gates count no more.
        const counts = x.pruned!.neg().add(1).reshape([]);
        return gates
          .reduce((total, one) => total.add(one))
          .mul(counts)
          .mul(penalty);
      },
      update: (x, _, { step, totalSteps }) => {
        const now = step
          .add(1)
          .equal(Math.round(given.cut * totalSteps))
          .cast('float32');
        return cutSmallest(base, names, given, x, now);
      },
      // The w of a tensor of which nothing is kept ends at 0, where it began.
      putsBack: (name, x) =>
        name.endsWith('.diff') && x[name.replace(/\.diff$/, '.kept')]!.every((kept) => kept === 0),
      merge: () => () => [],
      mergeTensor: (x) => (name, value) => {
        const diff = x[`${name}.diff`];
        if (!diff) return value;
        const [alpha, kept, group] = [x[`${name}.gate`]!, x[`${name}.kept`]!, x[`${name}.group`]?.[0]];
        const whole = group === undefined ? 1 : hardSigmoid(group);
        const gateAt = (i: number): number =>
          x.pruned![0] === 1 ? kept[i]! : hardSigmoid(alpha[i]!) * whole;
        return value.map((number, i) => number + gateAt(i) * diff[i]!);
      },
    };
  },
});

function tensorsOf(
  base: BaseModel,
  { structured, start, gateRate }: Options,
): Pick<Delta, 'trained' | 'state'> {
  const shapes = Object.entries(base.shapes);
  const gateOf = (shape: readonly number[]) =>
    ({ ...constantTensor(shape, start), learningRate: gateRate, weightDecay: 0 }) as const;
  return {
    trained: Object.fromEntries(
      shapes.flatMap(([name, shape]) => [
        [`${name}.diff`, constantTensor(shape, 0)] as const,
        [`${name}.gate`, gateOf(shape)] as const,
        ...(structured ? [[`${name}.group`, gateOf([1])] as const] : []),
      ]),
    ),
    state: {
      pruned: constantTensor([1], 0),
      ...Object.fromEntries(shapes.map(([name, shape]) => [`${name}.kept`, constantTensor(shape, 1)])),
    },
  };
}

/** What multiplies the w of a tensor: its gates, or once the rest is cut, 1 where it is kept. */
function gate(name: string, x: Tensors, { structured, noise }: Options, context?: Context): Tensor {
  const open = (end: 'gate' | 'group'): Tensor => {
    const alpha = x[`${name}.${end}`]!;
    const drawn = noise ? context?.uniform(alpha.shape, `${name}.${end}`) : undefined;
    if (!drawn) return hardConcrete(alpha);
    const u = minimum(maximum(drawn, EDGE), 1 - EDGE);
    return hardConcrete(alpha.add(log(u)).sub(log(u.neg().add(1))));
  };
  const gates = structured ? open('gate').mul(open('group')) : open('gate');
  const pruned = x.pruned!;
  return pruned.mul(x[`${name}.kept`]!).add(pruned.neg().add(1).mul(gates));
}

const hardConcrete = (logits: Tensor): Tensor =>
  minimum(
    maximum(
      sigmoid(logits)
        .mul(HIGH - LOW)
        .add(LOW),
      0,
    ),
    1,
  );

const hardSigmoid = (logit: number): number =>
  Math.min(1, Math.max(0, (HIGH - LOW) / (1 + Math.exp(-logit)) + LOW));

/**
 * Where `now` is 1, keeps the largest |z ⊙ w| of all tensors together, moves the gates into w and sets the rest
 * to 0; where it is 0 nothing changes.
 */
function cutSmallest(
  base: BaseModel,
  names: readonly string[],
  given: Options,
  x: Tensors,
  now: Tensor,
): Record<string, Tensor> {
  const products = names.map((name) => x[`${name}.diff`]!.mul(gate(name, x, given)));
  const all = concat(products.map((product) => product.abs().reshape([product.size])));
  const count = Math.max(1, Math.round(given.sparsity * all.size));
  const smallest = slice(largest(all.reshape([1, all.size]), count).values, [0, count - 1], [1, 1]).reshape(
    [],
  );
  const stays = now.neg().add(1);
  const changed: Record<string, Tensor> = { pruned: x.pruned!.mul(stays).add(now) };
  names.forEach((name, i) => {
    const product = products[i]!;
    const size = product.abs();
    // Of products that are all 0, such as those before the first step, none is kept.
    const kept = size.less(smallest).cast('float32').neg().add(1).mul(size.greater(0).cast('float32'));
    changed[`${name}.kept`] = x[`${name}.kept`]!.mul(stays).add(kept.mul(now));
    changed[`${name}.diff`] = x[`${name}.diff`]!.mul(stays).add(product.mul(kept).mul(now));
  });
  return changed;
}
