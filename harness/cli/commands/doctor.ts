/** `bench doctor`: says what works on this machine, and why not: engines, packages, hub, data and cache. */
import { availableParallelism, cpus, totalmem } from 'node:os';
import { Command } from 'commander';
import { columns, note, print, printJson } from '../terminal/output.ts';
import { messageOf } from '../../support/errors.ts';
import { isFolder } from '../../support/read-files.ts';

interface Finding {
  readonly name: string;
  readonly state: 'works' | 'missing' | 'broken';
  readonly detail: string;
}
const marks = { works: '✓', missing: '–', broken: '✗' };

/** The command `doctor`. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('say what works on this machine, and why not')
    .option('--json', 'print one JSON document')
    .action(doctor);
}

async function doctor({ json }: { json?: true }): Promise<void> {
  if (!json) note('Trying every engine and device; this takes some seconds …');
  const quick = await Promise.all([packages(), hub(), data(), cache()]);
  const findings = [node(), machine(), ...quick, ...(await engines())];
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

/** Tries every engine on every device; the CPU must work, other devices may be missing. */
async function engines(): Promise<Finding[]> {
  const { probeEngines } = await import('../../engine/setup/probe.ts');
  return (await probeEngines()).map(({ engine, device, works, detail, remedy }) => ({
    name: `${engine} on ${device}`,
    state: works ? 'works' : engine !== 'tensorflow' && device === 'cpu' ? 'broken' : 'missing',
    detail: remedy === undefined || detail.includes(remedy) ? detail : `${detail}; ${remedy}`,
  }));
}

async function packages(): Promise<Finding> {
  const { packageVersion } = await import('../../records/environment.ts');
  const names = ['onnxruntime-node', '@tensorflow/tfjs', '@tensorflow/tfjs-node-gpu'];
  const versions = await Promise.all(
    names.map(async (name) => `${name} ${(await packageVersion(name)) ?? 'not installed'}`),
  );
  return { name: 'packages', state: 'works', detail: versions.join(', ') };
}

async function hub(): Promise<Finding> {
  const name = 'hub';
  const { HUB_URL } = await import('@huggingface/hub');
  const { hubAddress } = await import('../../data/hub/connection.ts');
  let url: string;
  try {
    url = hubAddress(HUB_URL);
  } catch (error) {
    return { name, state: 'broken', detail: firstLine(error) };
  }
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
  if (!folder)
    return {
      name,
      state: 'missing',
      detail:
        "DELTABENCH_DATA is not set: built-in bases take built-in data, others the hub's; --data names a folder",
    };
  return (await isFolder(folder))
    ? { name, state: 'works', detail: folder }
    : { name, state: 'broken', detail: `DELTABENCH_DATA names ${folder}, which is no folder` };
}

async function cache(): Promise<Finding> {
  const { cacheFolder } = await import('../../support/cache-folder.ts');
  const folder = cacheFolder();
  return {
    name: 'cache',
    state: 'works',
    detail: `${folder}${(await isFolder(folder)) ? '' : ' (not made yet)'}`,
  };
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0]!;
}
