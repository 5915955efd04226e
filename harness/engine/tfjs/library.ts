/**
 * tfjs as the engine uses it; nothing else imports it. It is required, not imported: for an import Node first searches
 * the library's CommonJS text of several MB for the names that it exports, 0.25 s at every start.
 */
import { createRequire } from 'node:module';
import type * as Library from '@tensorflow/tfjs';

const library = createRequire(import.meta.url)('@tensorflow/tfjs') as typeof Library;

export type {
  backend_util,
  DataType,
  GradSaveFunc,
  NamedAttrMap,
  NamedTensorInfoMap,
  NamedTensorMap,
  Tensor,
  Tensor1D,
  TensorInfo,
} from '@tensorflow/tfjs';
export type KernelBackend = Library.KernelBackend;

export const {
  add,
  cast,
  concat,
  cos,
  customGrad,
  enableProdMode,
  engine,
  equal,
  erf,
  exp,
  expandDims,
  fill,
  findBackend,
  gather,
  getBackend,
  getKernel,
  keep,
  KernelBackend,
  less,
  log,
  logSoftmax,
  matMul,
  max,
  maximum,
  minimum,
  mul,
  neg,
  oneHot,
  ones,
  onesLike,
  pad,
  registerBackend,
  registerKernel,
  reshape,
  rsqrt,
  scalar,
  setBackend,
  sigmoid,
  sin,
  slice,
  softmax,
  split,
  sqrt,
  stack,
  sub,
  sum,
  tanh,
  tensor,
  tidy,
  tile,
  transpose,
  where,
  zeros,
  zerosLike,
} = library;
