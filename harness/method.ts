/**
 * All that a file in methods/ may import: how a method is defined, the base model and the places where it may
 * act, the operations that its edits are made of, and the options that several methods share.
 */
export * from './engine/ops.ts';
export { defineMethod, type AffineEdit, type Delta, type Method, type TensorSpec } from './models/method.ts';
export { isTransposed } from './models/architecture.ts';
export { torchPermutation } from './data/random/torch-permutation.ts';
export type { BaseModel } from './models/base-model.ts';
export { weightName } from './models/edits.ts';
export type { Context, Edits, LinearModule, Random, Shape, Site, Tensors, Values } from './models/edits.ts';
export {
  editEmbeddings,
  editInputs,
  editLinears,
  editOutputs,
  editSublayers,
  mergeAt,
} from './models/delta/edits-at-sites.ts';
export { keysAndValues } from './models/delta/keys-and-values.ts';
export { tokenRows, trainTokens } from './models/delta/token-rows.ts';
export { trainWhole, wholeModules } from './models/delta/whole-modules.ts';
export {
  adaloraTargets,
  countOfEach,
  exceptions,
  ia3Inputs,
  isNamed,
  layerList,
  linearTargets,
  numberOfEach,
  queryAndValue,
  sitesInLayers,
  targetList,
} from './models/delta/target-roles.ts';
export {
  constantTensor,
  linearBound,
  normalTensor,
  tensorsAt,
  uniformTensor,
} from './models/delta/tensor-specs.ts';
export { evenParts, sizeOf } from './support/numbers/arithmetic.ts';
export { roundToBfloats } from './support/numbers/float16.ts';
export { multiply, sideBySide } from './support/numbers/matrix.ts';
export { randomStream } from './support/numbers/random-stream.ts';
export { singularVectors } from './support/numbers/singular-vectors.ts';
export { transpose as transposeOnHost } from './support/numbers/transpose.ts';
