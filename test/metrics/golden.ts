// Reads golden values of the official E2E scorer from DELTABENCH_DATA; used by the tests of metrics.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { pairSegments, parsePredictions, parseReferences } from '../../harness/metrics/text/score-files.ts';
import { cacheFolder } from '../../harness/support/cache-folder.ts';
import type { Segment } from '../../harness/metrics/text/segment.ts';

/** A case of golden values from the official scorer. */
export interface GoldenCase {
  readonly name: string;
  readonly refs: string;
  readonly output: string;
  readonly segments: string;
  readonly full: Readonly<Record<GoldenMetric, number>>;
}
type GoldenMetric = 'BLEU' | 'NIST' | 'METEOR_exact_stem_synonym' | 'METEOR_paraphrase' | 'ROUGE_L' | 'CIDEr';

/** Golden scores of one line of output. */
export interface GoldenSegment {
  readonly perlBLEU: number;
  readonly perlNIST: number;
  readonly METEOR: number;
  readonly METEOR_paraphrase: number;
  readonly meteorStats: string;
  readonly meteorStats_paraphrase: string;
  readonly ROUGE_L: number;
  readonly CIDEr: number;
  readonly tok: string;
}

const folder = path.join(process.env.DELTABENCH_DATA ?? '', 'e2e-metrics-golden');

/** Whether the golden values exist; DELTABENCH_DATA names their folder. */
export const haveGolden = Boolean(process.env.DELTABENCH_DATA) && existsSync(folder);

export function goldenText(file: string): string {
  return readFileSync(path.join(folder, file), 'utf8');
}

export function goldenCases(): GoldenCase[] {
  return haveGolden ? (JSON.parse(goldenText('golden.json')) as GoldenCase[]) : [];
}

export function goldenInput(golden: GoldenCase): Segment[] {
  return pairSegments(parsePredictions(goldenText(golden.output)), parseReferences(goldenText(golden.refs)));
}

export function goldenSegments(golden: GoldenCase): GoldenSegment[] {
  return JSON.parse(
    gunzipSync(readFileSync(path.join(folder, golden.segments))).toString(),
  ) as GoldenSegment[];
}

/** Folder of fetched METEOR tables; tests never fetch them. */
export const testCache = cacheFolder();
