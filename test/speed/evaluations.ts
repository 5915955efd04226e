/** The evaluation rows of the speed benchmark: deltabench and lm-evaluation-harness on the same prompts. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { ChoiceDocument, ChoiceEvaluation } from '../../harness/evaluation/evaluation.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import type { Case, CaseOptions } from './cases.ts';
import { startSide, type Side } from './side.ts';

/** A benchmark, and where both sides read its rows. */
interface Row {
  /** lm-eval's name. */
  readonly task: string;
  readonly name: string;
  readonly shots: number;
  readonly documents: number;
  /** The number of requests that lm-eval computes at once: its fastest where others were tried. */
  readonly batch: number;
  /** The folder that deltabench reads. */
  readonly folder: string;
  readonly files: { readonly documents: string; readonly pool: string };
  /** The split that examples are drawn from. */
  readonly pool: string;
}

const letters = ['A', 'B', 'C', 'D', 'E'];
const subject = 'high_school_macroeconomics';

/** All rows that this machine can time; `lmEval` is a Python with lm-eval[hf] 0.4.13. */
export async function evaluationRows(options: CaseOptions): Promise<Case[]> {
  const { data, bases, lmEval } = options;
  const base = join(bases ?? '', 'SmolLM2-135M-Instruct');
  const lacks = [
    ...(data ? [] : ['DELTABENCH_DATA is not set']),
    ...(lmEval ? [] : ['DELTABENCH_LM_EVAL names no Python with lm-eval']),
    ...(existsSync(join(base, 'config.json')) ? [] : ['DELTABENCH_BASES has no SmolLM2-135M-Instruct']),
  ];
  if (!data || !lmEval || lacks.length > 0) {
    console.error(`evaluations: skipped, ${lacks.join('; ')}`);
    return [];
  }
  const rows = [await arc(data, options.folder), await mmlu(data, options.folder), gsm8k(data)];
  return rows.map((row) => caseOf(row, base, options));
}

/** ARC-Challenge of LLM-Adapters' files, written as the hub has it. */
async function arc(data: string, folder: string): Promise<Row> {
  const toRow = ({ alternatives, gold }: ChoiceDocument): object => ({
    question: alternatives[0]!.context.slice('Question: '.length, -'\nAnswer:'.length),
    choices: {
      text: alternatives.map(({ continuation }) => continuation.slice(1)),
      label: letters.slice(0, alternatives.length),
    },
    answerKey: letters[gold],
  });
  const place = { splits: { documents: 'test', pool: 'train' }, into: join(folder, 'arc', 'ARC-Challenge') };
  const files = await writeRows('arc-challenge', data, place, toRow);
  const more = { folder: join(folder, 'arc'), files, pool: 'train', batch: 1 };
  return { task: 'arc_challenge', name: 'ARC-Challenge', shots: 25, documents: 8, ...more };
}

/** A subject of MMLU's CSV files, written as the hub has it. */
async function mmlu(data: string, folder: string): Promise<Row> {
  await execa('tar', ['-xzf', join(data, 'mmlu-truthfulqa-arc/MMLU.tar.gz'), '-C', folder]);
  const form = /^([^]*)\nA\. ([^]*)\nB\. ([^]*)\nC\. ([^]*)\nD\. ([^]*)\nAnswer:$/;
  const toRow = ({ alternatives, gold }: ChoiceDocument): object => {
    const [question, ...choices] = form.exec(alternatives[0]!.context)!.slice(1);
    return { question, choices, answer: gold };
  };
  const place = {
    splits: { documents: 'test', pool: 'dev' },
    into: join(folder, 'subjects', 'mmlu', subject),
  };
  const name = `mmlu-${subject.replaceAll('_', '-')}`;
  const files = await writeRows(name, folder, place, toRow);
  const more = { folder: join(folder, 'subjects'), files, pool: 'dev', batch: 1 };
  return { task: `mmlu_${subject}`, name: 'MMLU, a subject', shots: 5, documents: 60, ...more };
}

function gsm8k(data: string): Row {
  const files = { documents: join(data, 'gsm8k/test.jsonl'), pool: join(data, 'gsm8k/train.jsonl') };
  const more = { folder: data, files, pool: 'train', batch: 16 };
  return { task: 'gsm8k', name: 'GSM8K, greedy, 256 tokens', shots: 5, documents: 16, ...more };
}

/** Writes an evaluation's documents and its pool, a row a line, into files named by their splits. */
async function writeRows(
  evaluation: string,
  data: string,
  { splits, into }: { splits: Row['files']; into: string },
  toRow: (document: ChoiceDocument) => object,
): Promise<Row['files']> {
  const { load } = (await loadEvaluations()).get(evaluation) as ChoiceEvaluation;
  const source = { kind: 'folder', path: data } as const;
  const read = await load({ source, protocol: 'lm-eval', needsPool: true });
  const write = async (part: 'documents' | 'pool'): Promise<string> => {
    const file = join(into, `${splits[part]}.jsonl`);
    await writeFile(file, read[part].map((document) => `${JSON.stringify(toRow(document))}\n`).join(''));
    return file;
  };
  await mkdir(into, { recursive: true });
  return { documents: await write('documents'), pool: await write('pool') };
}

/** Both sides of a row; lm-eval's is refused where its prompts are not ours to the byte. */
function caseOf(row: Row, base: string, { threads, lmEval, lmEvalBatch, folder }: CaseOptions): Case {
  const { task, name, shots, documents, files } = row;
  const batch = lmEvalBatch ?? String(row.batch);
  const shared = [
    '--shots',
    String(shots),
    '--base',
    base,
    '--threads',
    threads,
    '--limit',
    String(documents),
  ];
  const own = ['--task', task.replaceAll('_', '-'), '--data', row.folder];
  const splits = ['--documents', files.documents, '--pool', files.pool, '--pool-split', row.pool];
  const theirs = ['--task', task, '--data', folder, '--batch', batch, ...splits];
  let prompts: string | undefined;
  return {
    topic: 'evaluations',
    name: `${name}, ${shots} shots, ${documents} documents, lm-eval's batch ${batch}`,
    engine: 'onnx cpu',
    steps: documents,
    onDemand: true,
    sides: {
      async deltabench(): Promise<Side> {
        const program = join(import.meta.dirname, 'evaluate.ts');
        const side = await startSide('node', ['--import', 'tsx', program, ...shared, ...own]);
        prompts = side.ready.prompts;
        return side;
      },
      async 'lm-eval'(): Promise<Side> {
        const program = join(import.meta.dirname, 'lm_eval_scores.py');
        const side = await startSide(lmEval!, [program, ...shared, ...theirs]);
        if (side.ready.prompts === prompts) return side;
        side.stop();
        throw new Error(`${task}: the two sides have different prompts`);
      },
    },
  };
}
