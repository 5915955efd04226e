import { stat } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { Command } from 'commander';
import { columns, print, printJson } from './output.ts';

interface Finding {
  readonly name: string;
  readonly state: 'works' | 'missing' | 'broken';
  readonly detail: string;
}
const marks = { works: '✓', missing: '–', broken: '✗' };

/** `bench doctor`: what works on this machine, and why not. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('say what works on this machine, and why not')
    .option('--json', 'print one JSON document')
    .action(doctor);
}

async function doctor({ json }: { json?: true }): Promise<void> {
  const slow = await Promise.all([onnx(), tfjs(), tensorflow(), hub(), data(), cache()]);
  const findings = [node(), machine(), ...slow];
  if (json) printJson(findings);
  else print(columns(findings.map(({ name, state, detail }) => [marks[state], name, detail])));
  if (findings.some(({ state }) => state === 'broken')) process.exitCode = 1;
}

function node(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  const works = major > 20 || (major === 20 && minor >= 19);
  return {
    name: 'Node',
    state: works ? 'works' : 'broken',
    detail: `${process.version}${works ? '' : '; 20.19 or later is needed'}`,
  };
}

function machine(): Finding {
  const memory = (totalmem() / 2 ** 30).toFixed(1);
  return {
    name: 'machine',
    state: 'works',
    detail: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${memory} GiB`,
  };
}

async function onnx(): Promise<Finding> {
  const name = 'onnx engine';
  const { packageVersion } = await import('../runs/environment.ts');
  try {
    const { listSupportedBackends } = await import('onnxruntime-node');
    const providers = listSupportedBackends().map((backend) =>
      backend.bundled ? backend.name : `${backend.name} (needs its provider library)`,
    );
    return {
      name,
      state: 'works',
      detail: `onnxruntime ${(await packageVersion('onnxruntime-node')) ?? '?'}: ${providers.join(', ')}`,
    };
  } catch (error) {
    return { name, state: 'broken', detail: firstLine(error) };
  }
}

async function tfjs(): Promise<Finding> {
  const { packageVersion } = await import('../runs/environment.ts');
  const version = await packageVersion('@tensorflow/tfjs');
  return version === undefined
    ? { name: 'js engine', state: 'broken', detail: '@tensorflow/tfjs is not installed; run npm install' }
    : { name: 'js engine', state: 'works', detail: `tfjs ${version}` };
}

async function tensorflow(): Promise<Finding> {
  const name = 'tensorflow engine';
  const { loadTensorflow } = await import('../engine/tensorflow.ts');
  try {
    return { name, state: 'works', detail: `runs on the ${await loadTensorflow()}` };
  } catch (error) {
    return { name, state: 'missing', detail: firstLine(error) };
  }
}

async function hub(): Promise<Finding> {
  const name = 'hub';
  const url = process.env.HF_ENDPOINT ?? 'https://huggingface.co';
  const token = process.env.HF_TOKEN ? 'with HF_TOKEN' : 'without HF_TOKEN';
  try {
    const { status } = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(5000) });
    return { name, state: 'works', detail: `${url} answers ${status}, ${token}` };
  } catch (error) {
    const why = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return {
      name,
      state: 'missing',
      detail: `${url} cannot be reached (${firstLine(why)}); what is in the cache works`,
    };
  }
}

async function data(): Promise<Finding> {
  const name = 'data folder';
  const folder = process.env.DELTABENCH_DATA;
  if (folder === undefined)
    return { name, state: 'missing', detail: 'DELTABENCH_DATA is not set; data comes from the hub' };
  return (await isFolder(folder))
    ? { name, state: 'works', detail: folder }
    : { name, state: 'broken', detail: `DELTABENCH_DATA names ${folder}, which is no folder` };
}

async function cache(): Promise<Finding> {
  const { cacheFolder } = await import('../data/cache.ts');
  const folder = cacheFolder();
  return {
    name: 'cache',
    state: 'works',
    detail: `${folder}${(await isFolder(folder)) ? '' : ' (not made yet)'}`,
  };
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
