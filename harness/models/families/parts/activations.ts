/** The activation functions of MLPs, by the names that config.json gives them. */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';

const silu = (x: Tensor): Tensor => x.mul(x.sigmoid());
const functions = {
  relu: (x: Tensor): Tensor => x.relu(),
  gelu: ops.gelu,
  gelu_new: ops.geluTanh,
  gelu_pytorch_tanh: ops.geluTanh,
  gelu_fast: ops.geluTanh,
  silu,
  swish: silu,
  tanh: ops.tanh,
} as const;

/** The name of an activation function in config.json. */
export type Activation = keyof typeof functions;

/** The activations that are built. */
export const activationNames = Object.keys(functions) as [Activation, ...Activation[]];

/** Applies an activation, x of any shape. */
export const activate = (name: Activation, x: Tensor): Tensor => functions[name](x);

/** activation(gate) ⊙ up; gate and up of one shape. */
export const activateGate = (name: Activation, gate: Tensor, up: Tensor): Tensor =>
  name === 'silu' || name === 'swish' ? ops.swiGlu(gate, up) : activate(name, gate).mul(up);
