/**
 * The functions of binding.cc, which setup/build-device-binding.ts compiles beside onnxruntime's library.
 * device-memory.ts and device-session.ts call them. All throw Error with onnxruntime's message; none is asynchronous.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { onnxruntimeFolder } from '../../setup/cuda-provider.ts';

/** What binding.cc hands out; released by hand, or with its last reference. */
interface Handle<Kind extends string> {
  readonly kind: Kind;
}
export type NativeSession = Handle<'session'>;
export type NativeTensor = Handle<'tensor'>;
export type NativeBinding = Handle<'binding'>;

/** The element types of tensors; float16 and bfloat16 as their bits. */
export type ElementType = 'float32' | 'int32' | 'float16' | 'bfloat16';

/** The options of a session. */
export interface NativeOptions {
  readonly device: 'cpu' | 'cuda';
  /** The number of the GPU. */
  readonly index: number;
  readonly threads: number;
  /** Whether the session keeps the CPU memory that it took. */
  readonly arena: boolean;
  /** onnxruntime's configuration entries of a session. */
  readonly config: Entries;
  /** Options of the CUDA provider. */
  readonly provider: Entries;
}
type Entries = readonly (readonly [key: string, value: string])[];

export interface Native {
  openSession(model: Uint8Array, options: NativeOptions): NativeSession;
  /** A tensor in the memory of the session's device; any session on that device may read and write it. */
  allocate(session: NativeSession, type: ElementType, dims: readonly number[]): NativeTensor;
  /** A tensor on the host that reads and writes the array itself. */
  view(
    array: Float32Array | Int32Array | Uint16Array,
    type: ElementType,
    dims: readonly number[],
  ): NativeTensor;
  /** `entries` are onnxruntime's configuration entries of a run. */
  createBinding(session: NativeSession, entries: Entries): NativeBinding;
  /** Binds a tensor to a graph input; one on the host is copied to the session's device now, not in the run. */
  bindInput(binding: NativeBinding, name: string, tensor: NativeTensor): void;
  bindOutput(binding: NativeBinding, name: string, tensor: NativeTensor): void;
  /** Runs the session on the bound tensors; returns when their results are there. */
  run(binding: NativeBinding): void;
  /** Releases a handle now; what others still use of it lives on. */
  release(handle: NativeSession | NativeTensor | NativeBinding): void;
}

/** The file that the build writes and this module loads. */
export const nativeFile = (): string => join(onnxruntimeFolder(), 'deltabench.node');

/** Loads the binding at `path`; undefined where there is none. */
export function loadNative(path = nativeFile()): Native | undefined {
  return existsSync(path) ? (createRequire(import.meta.url)(path) as Native) : undefined;
}
