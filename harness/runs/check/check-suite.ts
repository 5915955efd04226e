/**
 * The regression gate: measures the cells of the suite in processes of their own and compares them with the
 * baseline.
 */
import { dirname } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { makeFolder } from '../../support/atomic-files.ts';
import { programArguments } from '../../support/child-programs.ts';
import { UsageError } from '../../support/errors.ts';
import { isFile } from '../../support/read-files.ts';
import { codeVersion, describeEnvironment } from '../../records/environment.ts';
import {
  adapterFile,
  cellBaselineSchema,
  readBaseline,
  scoresBaselineSchema,
  writeBaseline,
  type Provenance,
} from './baseline.ts';
import { cellDrifts, failedCell, limits, scoreDrifts, type Drift } from './drifts.ts';
import { cellMeasuresSchema, type CellMeasures } from './measures.ts';
import { scoreAll } from './scores.ts';
import { SCORES, type GateCell, type Suite } from './suite.ts';

/**
 * How often time and memory are measured before they count: a busy machine makes them look worse, seldom
 * better.
 */
const ATTEMPTS = 3;

export interface CheckEvents {
  /** A part of the suite begins. */
  onPart(name: string, number: number, total: number): void;
  /** Something is measured again. */
  onNote(text: string): void;
}

/** Compares the suite with the baseline in `folder`; throws UsageError where that is missing or broken. */
export async function checkSuite(
  { cells, scores }: Suite,
  folder: string,
  events: CheckEvents,
): Promise<Drift[]> {
  // All baselines are read first, so that a broken file is told before minutes of measuring.
  const baselines = await Promise.all(
    cells.map(async (cell) => ({ cell, baseline: await readCell(folder, cell) })),
  );
  const scored = scores ? await readBaseline(folder, SCORES, scoresBaselineSchema) : undefined;
  const total = cells.length + (scores ? 1 : 0);
  const drifts: Drift[] = [];
  const bare = cells.length > 0 ? await bareMemory() : 0;
  for (const [i, { cell, baseline }] of baselines.entries()) {
    events.onPart(cell.name, i + 1, total);
    drifts.push(...(await checkCell(cell, baseline.measures, { folder, bare, events })));
  }
  if (scored) {
    events.onPart(SCORES, total, total);
    drifts.push(...scoreDrifts(SCORES, scored.scores, await scoreAll()));
  }
  return drifts;
}

/**
 * Writes the suite's baseline anew; the machine should be quiet. Throws UsageError where writing is refused,
 * and Error where a cell does not run.
 */
export async function updateBaseline(
  { cells, scores }: Suite,
  folder: string,
  reason: string,
  events: CheckEvents,
): Promise<void> {
  const { version, commit } = await codeVersion();
  const { platform, cpu, node } = await describeEnvironment(1);
  const machine = { platform, cpu, node };
  const updated: Provenance = { reason, date: new Date().toISOString(), version, commit, machine };
  const total = cells.length + (scores ? 1 : 0);
  const bare = cells.length > 0 ? await bareMemory() : 0;
  for (const [i, cell] of cells.entries()) {
    events.onPart(cell.name, i + 1, total);
    await makeFolder(dirname(adapterFile(folder, cell.name)));
    const measures = await runCell(cell, { folder, bare, renew: true });
    if (typeof measures === 'string') throw new Error(`${cell.name}: ${measures}`);
    await writeBaseline(folder, cell.name, { schema: 1, updated, measures });
  }
  if (scores) {
    events.onPart(SCORES, total, total);
    await writeBaseline(folder, SCORES, { schema: 1, updated, scores: await scoreAll() });
  }
}

async function readCell(
  folder: string,
  { name, method }: GateCell,
): Promise<z.infer<typeof cellBaselineSchema>> {
  const baseline = await readBaseline(folder, name, cellBaselineSchema);
  const file = adapterFile(folder, name);
  if (method === 'full' || (await isFile(file))) return baseline;
  throw new UsageError(
    `The tracked adapter ${file} is not there. Get it again from the repository, or make one: ` +
      `check --only ${name} --update --reason TEXT.`,
  );
}

interface Measuring {
  readonly folder: string;
  readonly bare: number;
}

async function checkCell(
  cell: GateCell,
  baseline: CellMeasures,
  { folder, bare, events }: Measuring & { readonly events: CheckEvents },
): Promise<Drift[]> {
  let best: CellMeasures | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const measured = await runCell(cell, { folder, bare, renew: false });
    if (typeof measured === 'string') return [failedCell(cell.name, measured)];
    best = {
      ...measured,
      time: Math.min(measured.time, best?.time ?? Infinity),
      memory: Math.min(measured.memory, best?.memory ?? Infinity),
    };
    if (best.time <= limits.time * baseline.time && best.memory <= limits.memory * baseline.memory) break;
    if (attempt < ATTEMPTS) events.onNote(`${cell.name}: time or memory is over its limit; measured again.`);
  }
  return cellDrifts(cell.name, baseline, best!);
}

async function bareMemory(): Promise<number> {
  const ended = await child('bare');
  if (ended.exitCode !== 0) throw new Error(`The calibration does not run: ${reasonOf(ended)}`);
  return z.number().parse(JSON.parse(ended.stdout));
}

/** Why a process failed. */
function reasonOf({ stderr, exitCode, signal }: Awaited<ReturnType<typeof child>>): string {
  const said = stderr.split('\n').find((line) => /^(\w*Error|Diverged): /.test(line));
  return (
    said ?? `its process ended ${signal === undefined ? `with exit code ${exitCode ?? '?'}` : `by ${signal}`}`
  );
}

/** A cell's numbers, or why its process failed. Throws UsageError for what the user can mend. */
async function runCell(
  { name, method }: GateCell,
  { folder, bare, renew }: Measuring & { readonly renew: boolean },
): Promise<CellMeasures | string> {
  // The tracked values of full fine-tuning would be another base.
  const adapter = method === 'full' ? '' : adapterFile(folder, name);
  const ended = await child(name, adapter, ...(renew ? ['renew'] : []));
  if (ended.exitCode === 2) throw new UsageError(ended.stderr.trim());
  if (ended.exitCode !== 0) return reasonOf(ended);
  const { peak, ...measured } = measuredSchema.parse(JSON.parse(ended.stdout.trim().split('\n').at(-1)!));
  return { ...measured, memory: peak / bare };
}

const measuredSchema = cellMeasuresSchema.omit({ memory: true }).extend({ peak: z.number() });

/** Runs cell-process.ts in a process of its own, so that its peak memory is its own. */
function child(...args: string[]) {
  const program = programArguments('cell-process', import.meta.url);
  return execa(process.execPath, [...program, ...args], { reject: false, stdin: 'ignore' } as const);
}
