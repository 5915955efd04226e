/** Tries which engines run on this machine; `bench doctor` prints it. */
import { existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { programArguments } from '../../support/child-programs.ts';
import { benchCommand } from '../../support/project-root.ts';
import { nativeFile } from '../onnxruntime/device/native.ts';
import { CUDA_PROVIDER, missingLibraries, onnxruntimeFolder } from './cuda-provider.ts';
import type { EngineName } from '../types.ts';

/** What an engine does on one device of this machine. */
export interface EngineProbe {
  readonly engine: EngineName;
  readonly device: string;
  readonly works: boolean;
  /** The device that it runs on, or the reason why it does not. */
  readonly detail: string;
  /** What to do so that it works. */
  readonly remedy?: string;
}
type Outcome = Pick<EngineProbe, 'works' | 'detail'>;

/** Milliseconds after which a probe counts as hanging. */
const PATIENCE = 60_000;

const WEBGPU =
  "install a GPU's Vulkan driver and its loader (Debian: mesa-vulkan-drivers, libvulkan1); " +
  "without a GPU, chromium-common's SwiftShader with VK_ICD_FILENAMES naming its vk_swiftshader_icd.json";
const CUDA = `${benchCommand} setup cuda brings the provider`;
const BINDING = `with g++, ${benchCommand} setup cuda builds the binding that keeps it in the GPU`;
const TENSORFLOW = `${benchCommand} setup tensorflow builds it`;

/** Runs a step of training on every engine and device, each in a process of its own; reports what works. */
export async function probeEngines(): Promise<EngineProbe[]> {
  // One after the other, since they would compete for the cores and the graphics memory.
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
    // The library chooses the device, and the process prints it.
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
  if (works && existsSync(nativeFile())) return { works, detail: 'runs a step of training' };
  if (works)
    return { works, detail: 'runs a step of training; state crosses the bus in each', remedy: BINDING };
  const missing = await missingLibraries(provider);
  if (missing) return { works, detail: `the provider misses ${missing.list}`, remedy: missing.remedy };
  const remedy = 'the provider finds all its libraries: look at the driver and the GPU (nvidia-smi)';
  return { works, detail, remedy };
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

/** The message of the error that ended a process, without the paths of onnxruntime's source files. */
function reason(stderr: string): string {
  const line = stderr.split('\n').find((text) => /^\w*Error: /.test(text)) ?? stderr.trim();
  return line.replace(/^\w*Error: /, '').replace(/\/onnxruntime_src\/.* was false\. /, '');
}
