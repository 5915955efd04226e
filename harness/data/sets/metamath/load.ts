/**
 * Reads MetaMathQA, and the questions of GSM8K that validate and test what it trains, as peft's
 * method_comparison divides them. The task metamath uses it.
 */
import { z } from 'zod';
import { sha256 } from '../../../support/hash.ts';
import { length } from '../../../support/python-text.ts';
import type { DataSource } from '../../examples/task.ts';
import type { FetchOptions } from '../../hub/connection.ts';
import { numpyPermutation } from '../../random/numpy-permutation.ts';
import { builtinWordProblems } from '../instructions/synthetic/word-problems.ts';
import { parseRow, readRows, type Rows } from '../rows.ts';

/** A question with its worked answer. */
export interface MathRow {
  readonly query: string;
  readonly response: string;
}

/** The splits, and where they were read. */
export interface MetaMath {
  readonly form: string;
  readonly hash: string;
  readonly train: readonly MathRow[];
  readonly validation: readonly MathRow[];
  readonly test: readonly MathRow[];
}

/** Most characters of a question and its answer, with a space between them; longer ones are left out. */
const MOST_CHARACTERS = 1300;
const VALIDATION_SIZE = 50;

const metamathRow = z.object({ query: z.string().min(1), response: z.string().min(1) });
const gsm8kRow = z.object({ question: z.string().min(1), answer: z.string().min(1) });

/** Loads the splits; throws UsageError where a set is missing, empty or malformed. */
export async function loadMetaMath(source: DataSource, options: FetchOptions = {}): Promise<MetaMath> {
  if (source.kind === 'built-in') return builtinMetaMath();
  const gsm8k = { ...options, source, repo: 'openai/gsm8k', config: 'main' };
  const train = await readRows({
    ...options,
    source,
    repo: 'meta-math/MetaMathQA',
    config: 'default',
    split: 'train',
    files: ['MetaMathQA/MetaMathQA-395K.json', 'MetaMathQA-395K.json'],
  });
  const [validated, tested] = [
    await readRows({ ...gsm8k, split: 'train' }),
    await readRows({ ...gsm8k, split: 'test' }),
  ];
  const questions = ({ rows }: Rows): MathRow[] =>
    rows.map(({ value, where }) => {
      const { question, answer } = parseRow(gsm8kRow, value, where);
      return { query: question, response: answer };
    });
  const pool = questions(validated);
  const order = numpyPermutation(0, pool.length).subarray(0, VALIDATION_SIZE);
  return {
    form: train.form,
    hash: sha256([train.hash, validated.hash, tested.hash].join('\n')),
    train: train.rows.map(({ value, where }) => parseRow(metamathRow, value, where)).filter(isShort),
    validation: Array.from(order, (i) => pool[i]!),
    test: questions(tested),
  };
}

const isShort = ({ query, response }: MathRow): boolean => length(`${query} ${response}`) <= MOST_CHARACTERS;

/** The built-in word problems in their place. */
function builtinMetaMath(): MetaMath {
  const { train, validation, test } = builtinWordProblems();
  const rows = (problems: typeof train): MathRow[] =>
    problems.map(({ question, solution }) => ({ query: question, response: solution }));
  const splits = { train: rows(train), validation: rows(validation), test: rows(test) };
  return { form: 'built-in', hash: sha256(JSON.stringify(splits)), ...splits };
}
