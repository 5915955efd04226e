import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { programArguments } from '../../support/child-programs.ts';
import { CUDA_PROVIDER, missingLibraries, onnxruntimeFolder } from './cuda-provider.ts';
import type { EngineName } from '../types.ts';

/** What an engine does on one device of this machine. */
export interface EngineProbe {
  readonly engine: EngineName;
  readonly device: string;
  readonly works: boolean;
  /** What it runs on, or what is missing. */
  readonly detail: string;
  /** How to get what is missing. */
  readonly remedy?: string;
}
type Outcome = Pick<EngineProbe, 'works' | 'detail'>;

/** A driver that hangs is no driver. */
const PATIENCE = 60_000;

const WEBGPU =
  "install a GPU's Vulkan driver and its loader (Debian: mesa-vulkan-drivers, libvulkan1); without a GPU, chromium-common's SwiftShader with VK_ICD_FILENAMES naming its vk_swiftshader_icd.json";
const CUDA = 'npm run setup:cuda brings the provider';
const TENSORFLOW = 'npm run setup:tensorflow builds it';

/** Runs a step of training on every engine and device, each in a process of its own; says what works and what is missing. */
export async function probeEngines(): Promise<EngineProbe[]> {
  // One after the other: side by side they would fight for the cores and the graphics memory.
  const cpu = await probe('onnx', 'cpu');
  const webgpu = await probe('onnx', 'webgpu');
  const cuda = await probeCuda();
  const js = await probe('js', 'cpu');
  const tensorflow = await probe('tensorflow', 'cpu');
  return [
    finding('onnx', 'cpu', cpu, 'npm install'),
    finding('onnx', 'webgpu', webgpu, WEBGPU),
    { engine: 'onnx', device: 'cuda', ...cuda },
    finding('js', 'cpu', js, 'npm install'),
    // The library chooses; its outcome says which.
    finding('tensorflow', tensorflow.works ? tensorflow.detail : 'cpu', tensorflow, TENSORFLOW),
  ];
}

function finding(engine: EngineName, device: string, outcome: Outcome, remedy: string): EngineProbe {
  return outcome.works
    ? { engine, device, works: true, detail: 'runs a step of training' }
    : { engine, device, ...outcome, remedy };
}

async function probeCuda(): Promise<Pick<EngineProbe, 'works' | 'detail' | 'remedy'>> {
  const provider = join(onnxruntimeFolder(), CUDA_PROVIDER);
  const there = await access(provider).then(
    () => true,
    () => false,
  );
  if (!there) return { works: false, detail: `${provider} is missing`, remedy: CUDA };
  const { works, detail } = await probe('onnx', 'cuda');
  if (works) return { works, detail: 'runs a step of training' };
  const missing = await missingLibraries(provider);
  return missing
    ? { works, detail: `the provider misses ${missing.list}`, remedy: missing.remedy }
    : { works, detail, remedy: 'the provider finds all its libraries: look at the driver and the GPU (nvidia-smi)' }; // prettier-ignore
}

async function probe(engine: EngineName, device: string): Promise<Outcome> {
  const { exitCode, signal, timedOut, stdout, stderr } = await execa(
    process.execPath,
    [...programArguments('probe-process', import.meta.url), engine, device],
    { reject: false, timeout: PATIENCE, stdin: 'ignore' },
  );
  if (exitCode === 0) return { works: true, detail: stdout.trim().split('\n').at(-1)! };
  if (timedOut) return { works: false, detail: `no answer within ${PATIENCE / 1000} s` };
  if (signal) return { works: false, detail: `its process died of ${signal}` };
  return { works: false, detail: reason(stderr) };
}

/** The message of the error that ended a process, without what onnxruntime says of its own source files. */
function reason(stderr: string): string {
  const line = stderr.split('\n').find((text) => /^\w*Error: /.test(text)) ?? stderr.trim();
  return line.replace(/^\w*Error: /, '').replace(/\/onnxruntime_src\/.* was false\. /, '');
}
