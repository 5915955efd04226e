/**
 * onnxruntime's CUDA provider: its folder, and which of NVIDIA's libraries it misses. Engine, doctor and
 * installer use it.
 */
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadExeca } from '../../support/load-execa.ts';
import { benchCommand } from '../../support/project-root.ts';

/** The folder of onnxruntime's libraries, where it looks for its providers. */
export function onnxruntimeFolder(): string {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(main), '../bin/napi-v6', process.platform, process.arch);
}

export const CUDA_PROVIDER = 'libonnxruntime_providers_cuda.so';

/**
 * Throws where the provider or one of its libraries is missing; onnxruntime would only print it on standard
 * error.
 */
export async function checkCudaProvider(): Promise<void> {
  const provider = join(onnxruntimeFolder(), CUDA_PROVIDER);
  const there = await access(provider).then(
    () => true,
    () => false,
  );
  if (!there)
    throw new Error(`onnxruntime's CUDA provider is not here; ${benchCommand} setup cuda brings it`);
  const missing = await missingLibraries(provider);
  if (missing) throw new Error(`the CUDA provider misses ${missing.list}; ${missing.remedy}`);
}

/**
 * NVIDIA's libraries by their names' stems, and the Python packages that bring them, without their CUDA
 * version.
 */
const PACKAGES: Readonly<Record<string, readonly [title: string, name: string]>> = {
  libcudart: ['CUDA runtime', 'nvidia-cuda-runtime'],
  libcublas: ['cuBLAS', 'nvidia-cublas'],
  libcublasLt: ['cuBLASLt', 'nvidia-cublas'],
  libcudnn: ['cuDNN', 'nvidia-cudnn'],
  libcurand: ['cuRAND', 'nvidia-curand'],
  libcufft: ['cuFFT', 'nvidia-cufft'],
  libnvrtc: ['NVRTC', 'nvidia-cuda-nvrtc'],
};
/** The library that the provider opens by name when it first needs it; ldd does not list it. */
const OPENED = 'libcudnn.so.9';

/** Libraries that the system lacks, and how to get them. */
export interface MissingLibraries {
  /** `libcublas.so.13 (cuBLAS), …` */
  readonly list: string;
  readonly remedy: string;
}

/**
 * The libraries of the provider at `path` that the system does not find; undefined where none, or without
 * ldd.
 */
export async function missingLibraries(path: string): Promise<MissingLibraries | undefined> {
  const execa = await loadExeca();
  const { stdout } = await execa('ldd', [path], { reject: false, stdin: 'ignore' });
  const found = parseLibraries(stdout);
  const linked = [...found].filter(([, there]) => !there).map(([name]) => name);
  const opened = found.size === 0 || found.has(OPENED) || (await opens(OPENED)) ? [] : [OPENED];
  return describeMissing([...linked, ...opened], cudaVersion([...found.keys()]));
}

/** The libraries of ldd's answer, and whether each was found. */
export function parseLibraries(ldd: string): ReadonlyMap<string, boolean> {
  const lines = [...ldd.matchAll(/^\s*(\S+) => (.+)$/gm)];
  return new Map(lines.map(([, name, place]) => [name!, place !== 'not found']));
}

/** The major version of CUDA that a provider linked with these libraries is for. */
function cudaVersion(names: readonly string[]): number | undefined {
  const runtime = names.find((name) => name.startsWith('libcudart.so.'));
  return runtime === undefined ? undefined : Number(runtime.split('.')[2]);
}

/**
 * Names missing libraries and how to get them: the driver from NVIDIA or the system, others as Python
 * packages.
 */
export function describeMissing(
  names: readonly string[],
  cuda: number | undefined,
): MissingLibraries | undefined {
  if (names.length === 0) return undefined;
  const titles: string[] = [];
  const packages = new Set<string>();
  const remedies: string[] = [];
  for (const name of names) {
    const [stem, version] = name.split('.so.') as [string, string | undefined];
    const known = PACKAGES[stem];
    titles.push(stem === 'libcuda' ? `${name} (the NVIDIA driver)` : known ? `${name} (${known[0]})` : name);
    if (stem === 'libcuda') remedies.push(`install an NVIDIA driver${cuda ? ` for CUDA ${cuda}` : ''}`);
    // From CUDA 13 on only cuDNN, which has versions of its own, names CUDA's in its package.
    const suffix = cuda !== undefined && (cuda < 13 || stem === 'libcudnn') ? `-cu${cuda}` : '';
    if (known) packages.add(`${known[1]}${suffix}==${version!.split('.')[0]!}.*`);
  }
  if (packages.size > 0)
    remedies.push(
      `pip install ${[...packages].map((name) => `'${name}'`).join(' ')}`,
      'export LD_LIBRARY_PATH=$(python3 -c ' +
        `'import glob, nvidia; print(":".join(glob.glob(list(nvidia.__path__)[0] + "/*/lib")))')`,
    );
  return { list: titles.join(', '), remedy: remedies.join('; ') };
}

/**
 * Whether the system's loader finds a library. Another process asks, since a library that loads stays loaded.
 */
async function opens(library: string): Promise<boolean> {
  // A library that loads but is no addon throws as well, with another message.
  const script = `process.dlopen({ exports: {} }, ${JSON.stringify(library)})`;
  const execa = await loadExeca();
  const { stderr } = await execa(process.execPath, ['-e', script], { reject: false, stdin: 'ignore' });
  return !stderr.includes('cannot open shared object file');
}
