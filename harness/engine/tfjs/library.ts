/** tfjs as the engine uses it: the operations of programs, and what registers kernels and takes gradients. */
import type * as Library from '@tensorflow/tfjs';
import { library } from './required.ts';

export * from './operations.ts';
export type {
  backend_util,
  DataType,
  GradSaveFunc,
  KernelFunc,
  NamedAttrMap,
  NamedTensorInfoMap,
  NamedTensorMap,
  Tensor,
  Tensor1D,
  TensorInfo,
} from '@tensorflow/tfjs';
export type KernelBackend = Library.KernelBackend;

export const {
  customGrad,
  enableProdMode,
  engine,
  erf,
  findBackend,
  getBackend,
  getKernel,
  keep,
  KernelBackend,
  registerBackend,
  registerKernel,
  setBackend,
  tidy,
  unregisterKernel,
} = library;
