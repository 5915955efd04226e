/** Activation functions with their gradients. */
import * as tf from '../tfjs/library.ts';
import { fused } from './custom.ts';

// gelu_new is x · sigmoid(2u) with u = √(2/π) (x + 0.044715 x³), since 0.5 (1 + tanh u) = sigmoid(2u).
const A = 2 * Math.sqrt(2 / Math.PI);
const B = A * 0.044715;

/** Gaussian error linear unit in the tanh form of GPT-2 (Hendrycks and Gimpel, 2016); x of any shape. */
export function geluTanh(x: tf.Tensor): tf.Tensor {
  return fused(
    [x],
    {
      forward(g, [x]) {
        const [y, gate] = g.inParts([x!], ([x]) => {
          const inner = g.mul(x!, g.add(g.mul(g.mul(x!, x!), g.scalar(B)), g.scalar(A)));
          const gate = g.unary('Sigmoid', inner);
          return [g.mul(x!, gate), gate];
        });
        return { result: y!, saved: [x!, gate!, y!] };
      },
      // dy/dx = s + y (1 − s) (A + 3 B x²)
      backward: (g, [dy, ...saved]) =>
        g.inParts([dy!, ...saved.slice(0, 3)], ([dy, x, gate, y]) => {
          const slope = g.add(g.mul(g.mul(x!, x!), g.scalar(3 * B)), g.scalar(A));
          const curve = g.mul(g.sub(y!, g.mul(y!, gate!)), slope);
          return [g.mul(dy!, g.add(gate!, curve))];
        }),
    },
    () => {
      const u = x.add(x.mul(x).mul(x).mul(0.044715)).mul(A / 2);
      return x.mul(tf.tanh(u).add(1)).mul(0.5);
    },
  );
}

/** SwiGLU, silu(gate) ⊙ up with silu(x) = x · sigmoid(x) (Shazeer, 2020); gate and up of one shape. */
export function swiGlu(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  return fused(
    [gate, up],
    {
      forward(g, [gate, up]) {
        const [y] = g.inParts([gate!, up!], ([gate, up]) => [
          g.mul(g.mul(gate!, g.unary('Sigmoid', gate!)), up!),
        ]);
        return { result: y!, saved: [gate!, up!] };
      },
      // d silu / dx = s + silu (1 − s); s is computed again, since it is as large as the gate.
      backward: (g, [dy, gate, up]) =>
        g.inParts([dy!, gate!, up!], ([dy, gate, up]) => {
          const sigmoid = g.unary('Sigmoid', gate!);
          const silu = g.mul(gate!, sigmoid);
          const slope = g.sub(g.add(sigmoid, silu), g.mul(silu, sigmoid));
          return [g.mul(g.mul(dy!, up!), slope), g.mul(dy!, silu)];
        }),
    },
    () => gate.mul(tf.sigmoid(gate)).mul(up),
  );
}

const ROOT_HALF = Math.SQRT1_2;
const DENSITY = 1 / Math.sqrt(2 * Math.PI);

/** The exact Gaussian error linear unit of BERT, x Φ(x) (Hendrycks and Gimpel, 2016); x of any shape. */
export function gelu(x: tf.Tensor): tf.Tensor {
  return fused(
    [x],
    {
      forward(g, [x]) {
        const [y, gate] = g.inParts([x!], ([x]) => {
          const erf = g.unary('Erf', g.mul(x!, g.scalar(ROOT_HALF)));
          // 0.5 erf + 0.5 is one HardSigmoid: the result lies between its bounds, 0 and 1.
          const half = { float: 0.5 };
          const gate = g.one('HardSigmoid', [erf], erf.shape, 'float32', { alpha: half, beta: half });
          return [g.mul(x!, gate), gate];
        });
        return { result: y!, saved: [x!, gate!] };
      },
      // dy/dx = Φ(x) + x φ(x)
      backward: (g, [dy, x, gate]) =>
        g.inParts([dy!, x!, gate!], ([dy, x, gate]) => {
          const density = g.mul(g.unary('Exp', g.mul(g.mul(x!, x!), g.scalar(-0.5))), g.scalar(DENSITY));
          return [g.mul(dy!, g.add(gate!, g.mul(x!, density)))];
        }),
    },
    () => x.mul(tf.erf(x.mul(ROOT_HALF)).add(1)).mul(0.5),
  );
}
