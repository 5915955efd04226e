import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { pairSegments, parsePredictions, parseReferences } from '../../harness/metrics/text/score-files.ts';
import { cacheFolder } from '../../harness/support/cache-folder.ts';
import type { Segment } from '../../harness/metrics/text/segment.ts';

/** One case of the official scorer's golden values. */
export interface GoldenCase {
  readonly name: string;
  readonly refs: string;
  readonly output: string;
  readonly segments: string;
  readonly full: Readonly<Record<GoldenMetric, number>>;
}
type GoldenMetric = 'BLEU' | 'NIST' | 'METEOR_exact_stem_synonym' | 'METEOR_paraphrase' | 'ROUGE_L' | 'CIDEr';

/** One output line of a case. */
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

/** Whether the golden values are there: DELTABENCH_DATA names their folder. */
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

/** Where fetched tables lie; the tests fetch none. */
export const testCache = cacheFolder();
