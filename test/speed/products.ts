/**
 * The matrix products of a training step by themselves: the arithmetic limit that the report shows. step.ts
 * uses it.
 */
import * as ops from '../../harness/engine/ops.ts';
import { recordGraph } from '../../harness/engine/graph/recorder.ts';
import {
  type Engine,
  type FrozenArray,
  type Program,
  type ProgramFunction,
  randomKey,
  type Shape,
  type Signature,
  type TensorTypes,
} from '../../harness/engine/types.ts';
import { sizeOf } from '../../harness/support/numbers/arithmetic.ts';

/** A matrix product of a program, over leading dimensions where there are more than two. */
export interface Product {
  readonly left: Shape;
  readonly right: Shape;
  readonly transA: boolean;
  readonly transB: boolean;
  /** Floating-point operations: a multiplication and an addition for each term. */
  readonly flops: number;
}

/** The matrix products of a program, its gradient's included. */
export function recordProducts(signature: Signature, program: ProgramFunction): Product[] {
  const { graph, outputs } = recordGraph((input) => {
    const operands = (types: TensorTypes): Record<string, ops.Tensor> =>
      Object.fromEntries(
        Object.entries(types).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]),
      );
    const returned = program({
      frozen: operands(signature.frozen.types),
      state: operands(signature.state),
      inputs: operands(signature.inputs),
      random: (declared) => input(randomKey(declared), declared.shape, 'float32'),
    });
    return { ...returned.state, ...returned.outputs };
  });
  return graph
    .needed(outputs.map(({ value }) => value))
    .filter(({ op }) => ['Gemm', 'MatMul', 'FusedMatMul'].includes(op))
    .map(({ inputs, outputs: [y], attributes }) => {
      const [left, right] = [inputs[0]!.shape, inputs[1]!.shape];
      const transA = attributes.transA === 1;
      const inner = left.at(transA ? -2 : -1)!;
      return { left, right, transA, transB: attributes.transB === 1, flops: 2 * sizeOf(y!.shape) * inner };
    });
}

/**
 * An engine that compiles only the matrix products of each program; their speed is the program's arithmetic
 * limit.
 */
export function onlyProducts(engine: Engine): Engine & { flops(): number } {
  let done = 0;
  const productsOf = (of: Pick<Engine, 'compile'>): Pick<Engine, 'compile'> => ({
    async compile(signature, program) {
      const products = recordProducts(signature, program);
      if (products.length === 0)
        return { nodes: 0, run: () => Promise.resolve({}), dispose: () => Promise.resolve() };
      const each = products.reduce((sum, { flops }) => sum + flops, 0);
      const compiled = await compileProducts({ ...engine, ...of }, products);
      const [state, inputs] = [engine.state({}), { one: Float32Array.of(1) }];
      return {
        ...compiled,
        run() {
          done += each;
          return compiled.run(state, inputs);
        },
      };
    },
  });
  return {
    ...engine,
    ...productsOf(engine),
    ...(engine.replicas && { replicas: engine.replicas.map(productsOf) }),
    /** Floating-point operations of all runs so far. */
    flops: () => done,
  };
}

/**
 * A program of the products alone; its outputs are one element of each, since whole products would be copied.
 */
function compileProducts(engine: Engine, products: readonly Product[]): Promise<Program> {
  // As in a model, each product has its own right operand (mostly a weight); products of equal shapes share
  // the left one.
  const met = new Map<string, number>();
  const plan = products.map((product) => {
    const key = JSON.stringify(product);
    const index = met.get(key) ?? 0;
    met.set(key, index + 1);
    return { ...product, a: `left [${product.left}]`, b: `right [${product.right}] ${index}` };
  });
  // The operands are filled, since pages of zeros that were never written are one page in the cache.
  const operand = (shape: Shape): FrozenArray => ({
    shape,
    data: new Float32Array(sizeOf(shape)).fill(0.01),
  });
  const shapes = new Map(
    plan.flatMap(
      ({ a, left, b, right }) =>
        [
          [a, left],
          [b, right],
        ] as const,
    ),
  );
  const frozen = engine.freeze(
    Object.fromEntries([...shapes].map(([name, shape]) => [name, operand(shape)])),
  );
  const inputs: TensorTypes = { one: { shape: [], dtype: 'float32' } };
  // On a GPU frozen arrays are constants, and onnxruntime would compute products of constants only once.
  const variable = engine.name === 'onnx' && engine.device !== 'cpu';
  return engine.compile({ name: 'products', frozen, state: {}, inputs }, (x) => {
    const corners = plan.map(({ a, b, transA, transB }) => {
      const left = variable ? x.frozen[a]!.mul(x.inputs.one!) : x.frozen[a]!;
      const product = ops.matMul(left, x.frozen[b]!, transA, transB);
      const [first, one] = [product.shape.map(() => 0), product.shape.map(() => 1)];
      return ops.slice(product, first, one).reshape([1]);
    });
    return { outputs: { corners: ops.concat(corners) } };
  });
}
