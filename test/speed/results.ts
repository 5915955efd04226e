/** The file of times, reports/speed.jsonl. */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../../harness/support/errors.ts';
import { codeVersion, describeEnvironment } from '../../harness/records/environment.ts';
import type { Case } from './cases.ts';
import type { Timed } from './turns.ts';

/** A case as it was timed once: a line of reports/speed.jsonl. */
export interface Result extends Pick<Case, 'topic' | 'name' | 'method' | 'engine'> {
  readonly machine: string;
  /** ISO 8601 */
  readonly measured: string;
  readonly commit: string;
  /** Whether files differed from the commit. */
  readonly dirty: boolean;
  readonly sides: Readonly<Record<string, Timed>>;
}

/** Processor, threads in use, memory and system; only times of the same machine may be compared. */
export async function describeMachine(threads: number): Promise<string> {
  const { cpu, platform, memoryBytes } = await describeEnvironment(threads);
  return `${cpu}, ${threads} threads, ${Math.round(memoryBytes / 2 ** 30)} GiB, ${platform}`;
}

/** Adds a case's times to a file. */
export async function addResult(
  file: string,
  machine: string,
  done: Case,
  sides: Result['sides'],
): Promise<void> {
  const { topic, name, method, engine } = done;
  const { commit, dirty } = await codeVersion();
  const measured = new Date().toISOString();
  const result: Result = {
    topic,
    name,
    ...(method && { method }),
    ...(engine && { engine }),
    machine,
    measured,
    commit: commit ?? 'unknown',
    dirty: dirty ?? false,
    sides,
  };
  await mkdir(dirname(file), { recursive: true });
  await appendFile(file, `${JSON.stringify(result)}\n`);
}

/** The last times of each case on each machine, in the order of the file; empty where there is no file. */
export async function readResults(file: string): Promise<Result[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
  const last = new Map<string, Result>();
  for (const line of text.trim().split('\n')) {
    const result = JSON.parse(line) as Result;
    const { machine, topic, name, method, engine } = result;
    last.set([machine, topic, name, method, engine].join('|'), result);
  }
  return [...last.values()];
}
