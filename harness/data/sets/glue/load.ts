/**
 * Reads GLUE's labelled splits from the official files, from the hub or from the built-in grammars; the tasks
 * of GLUE use it.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { UsageError } from '../../../support/errors.ts';
import { isFile, readBytes } from '../../../support/read-files.ts';
import { hashFile, sha256 } from '../../../support/hash.ts';
import type { FetchOptions } from '../../hub/connection.ts';
import { parquetFiles } from '../../hub/parquet-files.ts';
import { readParquet } from '../../formats/parquet.ts';
import type { DataSource } from '../../examples/task.ts';
import { parseTsv, type TsvColumns } from '../../formats/tsv.ts';
import type { GlueName, GlueRow } from './rows.ts';

/** The labelled splits of one GLUE task, in file order. */
export interface Glue {
  /** `tsv`: the official files; `hub`: the same rows from nyu-mll/glue; `built-in`: deltabench's own. */
  readonly form: 'tsv' | 'hub' | 'built-in';
  /** Sha256 over the content of all splits. */
  readonly hash: string;
  readonly train: readonly GlueRow[];
  /** The validation set; of MNLI it is the matched one. */
  readonly validation: readonly GlueRow[];
  /** MNLI's validation set of other genres; empty for other tasks. */
  readonly mismatched: readonly GlueRow[];
  /** Present for the built-in data only; GLUE's own test labels are not public. */
  readonly test?: readonly GlueRow[];
}

type Split = 'train' | 'validation' | 'mismatched';

interface Format {
  /** The folder that holds the official files. */
  readonly folder: string;
  /** The files' columns: first the texts, then the label. */
  readonly columns: TsvColumns;
  /**
   * The classes' names in the files, in the order of the hub's numbers; absent where the label is a score.
   */
  readonly classes?: readonly string[];
  /** The hub's columns that hold the texts. */
  readonly texts: readonly string[];
  /** Leaves out incomplete lines, as the hub does. */
  readonly skipIncomplete?: true;
}

const zeroOne = ['0', '1'];
const entailed = ['entailment', 'not_entailment'];
const pair = ['sentence1', 'sentence2'];

const formats: Readonly<Record<GlueName, Format>> = {
  cola: {
    folder: 'CoLA',
    // Column order: source, label, the author's mark, sentence.
    columns: { places: [3, 1], count: 4 },
    classes: zeroOne,
    texts: ['sentence'],
  },
  mnli: {
    folder: 'MNLI',
    columns: { names: [...pair, 'gold_label'] },
    classes: ['entailment', 'neutral', 'contradiction'],
    texts: ['premise', 'hypothesis'],
  },
  mrpc: {
    folder: 'MRPC',
    columns: { names: ['#1 String', '#2 String', 'Quality'] },
    classes: zeroOne,
    texts: pair,
  },
  qnli: {
    folder: 'QNLI',
    columns: { names: ['question', 'sentence', 'label'] },
    classes: entailed,
    texts: ['question', 'sentence'],
  },
  qqp: {
    folder: 'QQP',
    columns: { names: ['question1', 'question2', 'is_duplicate'] },
    classes: zeroOne,
    texts: ['question1', 'question2'],
    // Three questions in the official file contain line breaks.
    skipIncomplete: true,
  },
  rte: { folder: 'RTE', columns: { names: [...pair, 'label'] }, classes: entailed, texts: pair },
  sst2: {
    folder: 'SST-2',
    columns: { names: ['sentence', 'label'] },
    classes: zeroOne,
    texts: ['sentence'],
  },
  stsb: { folder: 'STS-B', columns: { names: [...pair, 'score'] }, texts: pair },
};

/**
 * Loads one GLUE task from its source; a folder holds the official TSV files (`glue/CoLA/train.tsv`, …).
 * Throws UsageError where a file is missing, empty, or malformed (with its line).
 */
export async function loadGlue(
  name: GlueName,
  source: DataSource,
  options: FetchOptions = {},
): Promise<Glue> {
  if (source.kind === 'built-in') return makeBuiltin(name);
  const loaded = await (source.kind === 'hub'
    ? loadFromHub(name, options)
    : loadFromFolder(name, source.path));
  for (const split of splitsOf(name)) {
    if (loaded[split].length === 0)
      throw new UsageError(
        `${loaded.origin} holds no rows of ${name}'s ${split} split; get the data again, or give a folder that has it.`,
      );
  }
  const { form, hash, train, validation, mismatched } = loaded;
  return { form, hash, train, validation, mismatched };
}

async function makeBuiltin(name: GlueName): Promise<Glue> {
  const { builtinGlue } = await import('./synthetic/generate.ts');
  const rows = builtinGlue(name);
  return { form: 'built-in', hash: sha256(JSON.stringify(rows)), ...rows };
}

const splitsOf = (name: GlueName): Split[] =>
  name === 'mnli' ? ['train', 'validation', 'mismatched'] : ['train', 'validation'];

type Loaded = Glue & Record<Split, GlueRow[]> & { readonly origin: string };

async function loadFromFolder(name: GlueName, folder: string): Promise<Loaded> {
  const format = formats[name];
  const files: Record<Split, string> =
    name === 'mnli'
      ? { train: 'train.tsv', validation: 'dev_matched.tsv', mismatched: 'dev_mismatched.tsv' }
      : { train: 'train.tsv', validation: 'dev.tsv', mismatched: '' };
  const wanted = splitsOf(name);
  const missing: string[] = [];
  for (const place of [join(folder, 'glue', format.folder), join(folder, format.folder), folder]) {
    const absent: string[] = [];
    for (const split of wanted) if (!(await isFile(join(place, files[split])))) absent.push(files[split]);
    if (absent.length === 0) return readFolder(name, place, files);
    if (absent.length < wanted.length) missing.push(`${place} lacks ${absent.join(' and ')}`);
  }
  const state = missing.length ? missing.join('; ') : 'none of them is there';
  throw new UsageError(
    `${folder} holds no complete ${format.folder} data: ` +
      `wanted ${wanted.map((split) => files[split]).join(', ')} of the official files (there, ` +
      `or in glue/${format.folder}), but ${state}. Get them, or give --data hub.`,
  );
}

async function readFolder(name: GlueName, folder: string, files: Record<Split, string>): Promise<Loaded> {
  const format = formats[name];
  const rows: Record<Split, GlueRow[]> = { train: [], validation: [], mismatched: [] };
  const hash = createHash('sha256');
  for (const split of splitsOf(name)) {
    const path = join(folder, files[split]);
    const lines = parseTsv(path, await readBytes(path), format.columns, format);
    rows[split] = lines.map(({ line, fields }, i) => ({
      id: String(i),
      texts: fields.slice(0, -1),
      label: readLabel(`${path}, line ${line}`, fields.at(-1)!, format),
    }));
    hash.update(`${await hashFile(path)}  ${split}\n`);
  }
  return { form: 'tsv', hash: hash.digest('hex'), ...rows, origin: folder };
}

function readLabel(where: string, text: string, { classes }: Format): number {
  if (classes) {
    const label = classes.indexOf(text);
    if (label >= 0) return label;
    throw new UsageError(`${where}: the label is ${JSON.stringify(text)}; expected ${classes.join(' or ')}.`);
  }
  return checkScore(where, /^\d+(\.\d*)?$/.test(text) ? Number(text) : NaN, text);
}

function checkScore(where: string, score: number, given: unknown): number {
  if (score >= 0 && score <= 5) return score;
  throw new UsageError(
    `${where}: the score is ${JSON.stringify(given)}; expected a number from 0 to 5, such as 3.800.`,
  );
}

/**
 * Reads the hub's parquet files from main, else from refs/convert/parquet, where the hub keeps parquet copies
 * of data sets that have loading scripts.
 */
async function loadFromHub(name: GlueName, options: FetchOptions): Promise<Loaded> {
  const repo = 'nyu-mll/glue';
  const { texts, classes } = formats[name];
  const splits: Record<string, Split> = {
    train: 'train',
    validation: 'validation',
    ...(name === 'mnli' && { validation_matched: 'validation', validation_mismatched: 'mismatched' }),
  };
  const pattern = new RegExp(`^${name}/(${Object.keys(splits).join('|')})[-/][^/]*\\.parquet$`);
  const rows: Record<Split, GlueRow[]> = { train: [], validation: [], mismatched: [] };
  const hash = createHash('sha256');
  for await (const { folder, files } of parquetFiles(repo, pattern, options)) {
    for (const file of files) {
      const split = splits[pattern.exec(file)![1]!]!;
      const path = join(folder, file);
      for (const [i, row] of (await readParquet(path, texts, ['label'])).entries()) {
        const where = `${path}, row ${i + 1}`;
        if (classes && classes[row.label] === undefined)
          throw new UsageError(`${where}: the label is ${row.label}; expected 0 to ${classes.length - 1}.`);
        rows[split].push({
          id: String(rows[split].length),
          texts: texts.map((column) => row[column]!),
          label: classes ? row.label : checkScore(where, row.label, row.label),
        });
      }
      hash.update(`${await hashFile(path)}  ${split}\n`);
    }
    if (files.length > 0) break;
  }
  return { form: 'hub', hash: hash.digest('hex'), ...rows, origin: `The hub's data set ${repo}` };
}
