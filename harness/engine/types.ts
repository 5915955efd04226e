/**
 * The face of an engine: its programs, their operands, and how they run. Other rooms import these types
 * alone.
 */
import type { Tensor } from './tfjs/library.ts';

/** Sizes of the dimensions, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];
export type NamedTensors = Readonly<Record<string, Tensor>>;
/** Values on the host, row-major; floats are float32, indices int32. */
export type NumericArray = Float32Array | Int32Array;
export type NamedArrays = Record<string, NumericArray>;

/** Types of floating-point numbers. */
export type FloatType = 'float32' | 'bfloat16' | 'float16';
/**
 * Precision of the operands and results of matrix products; their sums and all other operations are float32.
 * tf32 is float32 whose operands NVIDIA's tensor cores round to ten bits of fraction.
 */
export const precisions = ['float32', 'tf32', 'bfloat16', 'float16'] as const;
export type Precision = (typeof precisions)[number];
/** The type of the numbers that products of a precision read. */
export const floatTypeOf = (precision: Precision): FloatType =>
  precision === 'tf32' ? 'float32' : precision;
/** Whether products of half precision are float32 products of rounded operands; the CPU has no others. */
export const isEmulated = (precision: Precision, device: string): boolean =>
  precision !== 'float32' && device === 'cpu';

/** Shape and type of one named tensor of a program. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: 'float32' | 'int32';
}
export type TensorTypes = Readonly<Record<string, TensorType>>;

/** Where a float32 tensor lies in a file, so that an engine may map it instead of copying. */
export interface FileLocation {
  readonly file: string;
  readonly offset: number;
}

/** A tensor that never changes, with its place in a file where one holds the same bytes. */
export interface PlainArray {
  readonly shape: Shape;
  readonly data: NumericArray;
  readonly location?: FileLocation;
}

/** The codes of four-bit weights: `blockSize` successive numbers share a scale (bitsandbytes' NF4 and FP4). */
export interface FourBit {
  readonly kind: 'nf4' | 'fp4';
  readonly blockSize: number;
}
/** Codes of four bits with a scale and a zero point for `groupSize` inputs of an output (GPTQ's). */
export interface GroupedFourBit {
  readonly kind: 'gptq';
  readonly groupSize: number;
  /** Whether the inputs of groups are in another order than the matrix's. */
  readonly isOrdered: boolean;
}
/** How the numbers of a packed weight are stored. */
export type PackedFormat = FourBit | GroupedFourBit | { readonly kind: 'bfloat16' | 'float16' };

/** The matrix [outputs, inputs] that a packed weight holds, row by row. */
export interface PackedMatrix {
  readonly format: PackedFormat;
  readonly outputs: number;
  readonly inputs: number;
  /** Whether programs see the transpose, [inputs, outputs]. */
  readonly flipped: boolean;
}

/** The parts of packed weights. */
export const packedParts = ['codes', 'scales', 'zeros', 'order'] as const;
export type PackedPart = (typeof packedParts)[number];

/** The parts that a packed weight has, with their bytes. */
export function partsOf({
  format,
  outputs,
  inputs,
}: Omit<PackedMatrix, 'flipped'>): { part: PackedPart; bytes: number }[] {
  const numbers = outputs * inputs;
  if ('blockSize' in format) {
    return [
      { part: 'codes', bytes: Math.ceil(numbers / 2) },
      { part: 'scales', bytes: 4 * Math.ceil(numbers / format.blockSize) },
    ];
  }
  if (!('groupSize' in format)) return [{ part: 'codes', bytes: 2 * numbers }];
  const groups = outputs * Math.ceil(inputs / format.groupSize);
  return [
    { part: 'codes', bytes: Math.ceil(numbers / 2) },
    { part: 'scales', bytes: 4 * groups },
    { part: 'zeros', bytes: Math.ceil(groups / 2) },
    ...(format.isOrdered ? [{ part: 'order', bytes: 4 * inputs } as const] : []),
  ];
}

/**
 * The weight of a linear module that never changes, packed in a file. Programs see it in its `shape`, but
 * only `linear` and `unpacked` can read it.
 */
export interface PackedArray {
  readonly shape: Shape;
  readonly packed: PackedMatrix & {
    /** Two codes of four bits a byte, the first in the high bits (GPTQ's: low), or the bits of half precision. */
    readonly codes: FileLocation;
    /** The scale of every block or group, float32; absent in half precision. */
    readonly scales?: FileLocation;
    /** GPTQ's zero points [outputs, groups], four bits each. */
    readonly zeros?: FileLocation;
    /** The place of each input among the grouped ones, int32, where these are in another order. */
    readonly order?: FileLocation;
  };
}
/** A float32 tensor that never changes, in a file alone: it is read where it cannot be mapped. */
export interface StoredArray {
  readonly shape: Shape;
  readonly location: FileLocation;
}
export type FrozenArray = PlainArray | PackedArray | StoredArray;

/** Shape and type of a frozen array; of a packed one, also what it holds. */
export interface FrozenType extends TensorType {
  readonly packed?: PackedMatrix;
}

/** Arrays that an engine keeps once for all programs that read them (the base model). */
export interface FrozenArrays {
  readonly types: Readonly<Record<string, FrozenType>>;
  dispose(): void;
}

/**
 * Tensors that programs read and replace (trained tensors, optimiser moments); the engine keeps them between
 * runs.
 */
export interface State {
  readonly types: TensorTypes;
  /** Copies of the named tensors on the host, or of all; throws RangeError on an unknown name. */
  read(names?: readonly string[]): Promise<Record<string, Float32Array>>;
  /** Replaces the named tensors; throws RangeError on an unknown name or a wrong length. */
  write(arrays: Readonly<Record<string, Float32Array>>): void;
  /** Fills the named tensors with zeros; throws RangeError on an unknown name. */
  clear(names: readonly string[]): void;
  dispose(): void;
}

/** The tensors that a program may use while it is built. */
export interface ProgramTensors {
  readonly frozen: NamedTensors;
  readonly state: NamedTensors;
  readonly inputs: NamedTensors;
  /** Declares a random input; throws where an equal one is declared already. */
  readonly random: (input: RandomInput) => Tensor;
}

/**
 * A float32 input that a program declares and the host draws anew for each run: an inverted dropout mask, or
 * numbers uniform in [0, 1).
 */
export interface RandomInput {
  readonly kind: 'dropout' | 'uniform';
  /** Of a mask the share of the values that are 0, all others being 1 / (1 − rate); 0 for uniform numbers. */
  readonly rate: number;
  /** The place in the model that the mask acts at. */
  readonly name: string;
  readonly shape: Shape;
  /** The number of last rows that belong to no token of the batch; 0 where absent. */
  readonly tail?: number;
}

/** The key of a random input in its program. Random streams are named by it, so its text decides numbers. */
export const randomKey = ({ kind, rate, name }: RandomInput): string => `${kind} ${rate} ${name}`;

/**
 * A pure function of named tensors; returns the tensors that replace `state`, and those that the caller gets.
 */
export type ProgramFunction = (x: ProgramTensors) => { state?: NamedTensors; outputs: NamedTensors };
/** Fills `out` with the values of a declared random input. */
export type Draw = (input: RandomInput, out: Float32Array) => void;

/** The operands of a program. */
export interface Signature {
  /** Names the program in error messages and profiles. */
  readonly name: string;
  readonly frozen: FrozenArrays;
  readonly state: TensorTypes;
  readonly inputs: TensorTypes;
  /**
   * `often`: the program has many short runs of few rows (decoding), so that packed weights and its own arena
   * pay.
   */
  readonly use?: 'often' | undefined;
}

/** A compiled program of fixed shapes. */
export interface Program {
  /** Operations in the compiled graph; undefined where programs run operation by operation. */
  readonly nodes: number | undefined;
  /**
   * Runs once and replaces the returned tensors of `state`; throws RangeError where inputs do not fit the
   * signature.
   */
  run(state: State, inputs: NamedArrays, draw?: Draw): Promise<NamedArrays>;
  dispose(): Promise<void>;
}

/** The operands of one run; the program replaces tensors of its state. */
export interface RunOperands {
  readonly state: State;
  readonly inputs: NamedArrays;
  readonly draw?: Draw | undefined;
}

/**
 * A compiled program that does several runs at once; each gives the numbers of a separate run, but for
 * rounding.
 */
export interface ManyProgram extends Pick<Program, 'nodes' | 'dispose'> {
  /** Runs once for each of `runs`, at most as many as it was compiled for; returns their outputs. */
  run(runs: readonly RunOperands[]): Promise<NamedArrays[]>;
}

export type EngineName = 'onnx' | 'tensorflow' | 'js';

/** Runs tensor programs. Each is compiled once for its shapes and run many times. */
export interface Engine {
  readonly name: EngineName;
  /** 'cpu', 'webgpu', 'cuda:0' */
  readonly device: string;
  readonly precision: Precision;
  freeze(arrays: Readonly<Record<string, FrozenArray>>): FrozenArrays;
  state(arrays: Readonly<Record<string, { shape: Shape; data: Float32Array }>>): State;
  compile(signature: Signature, program: ProgramFunction): Promise<Program>;
  /**
   * A program for `copies` runs at once that share the frozen arrays; absent where programs run operation by
   * operation.
   */
  compileMany?(signature: Signature, program: ProgramFunction, copies: number): Promise<ManyProgram>;
  /**
   * Engines that compute at the same time, each with its share of the threads; a run in one waits for no run
   * in another. They take this engine's state and frozen arrays, and keep copies of the frozen ones. Reading
   * the property starts their threads. Absent where there are none.
   */
  readonly replicas?: readonly Pick<Engine, 'compile'>[];
  /** The random inputs that a program would declare, by `randomKey`; absent where `compileMany` is. */
  randomsOf?(signature: Signature, program: ProgramFunction): ReadonlyMap<string, RandomInput>;
}

/** A program needs a size of buffer or a precision that its device lacks; no other seed changes that. */
export class DeviceLimitError extends Error {
  override name = 'DeviceLimitError';
}
