/** Makes documents of a benchmark's rows. The files in evaluations/ are written with it. */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../../support/errors.ts';
import { sha256 } from '../../support/hash.ts';
import { isFile } from '../../support/read-files.ts';
import type {
  ChoiceDocument,
  EvaluationData,
  Example,
  LoadRequest,
  QuestionDocument,
} from '../evaluation.ts';
import { readRows, type RowsRequest } from '../../data/sets/rows.ts';

export { hasRows, parseRow } from '../../data/sets/rows.ts';

/** A question that is followed by each of its choices; `truths` where several of them may be true. */
export function ask(
  question: string,
  choices: readonly string[],
  gold: number,
  truths?: readonly boolean[],
): ChoiceDocument {
  return {
    example: { question, answer: choices[gold]! },
    alternatives: choices.map((choice) => ({ context: question, continuation: ` ${choice}` })),
    gold,
    ...(truths && { truths }),
  };
}

/** The places of a benchmark's documents and of its examples. */
interface Places extends Pick<RowsRequest, 'repo' | 'config' | 'space' | 'otherwise'> {
  readonly documents: Pick<RowsRequest, 'split' | 'adapters'>;
  readonly pool?: Pick<RowsRequest, 'split' | 'adapters'>;
}

/** Reads a benchmark. `toDocument` throws UsageError that names the row where it is malformed. */
export async function loadDocuments<Document>(
  request: LoadRequest,
  { documents, pool, ...place }: Places,
  toDocument: (row: unknown, where: string) => Document,
): Promise<EvaluationData<Document>> {
  const read = (part: Pick<RowsRequest, 'split' | 'adapters'>) => readRows({ ...request, ...place, ...part });
  const own = await read(documents);
  const others = pool && request.needsPool ? await read(pool) : undefined;
  const convert = ({ rows }: typeof own) => rows.map(({ value, where }) => toDocument(value, where));
  return {
    form: own.form,
    hash: sha256([own.hash, ...(others ? [others.hash] : [])].join('\n')),
    documents: convert(own),
    pool: others ? convert(others) : [],
    ...(others && {
      // lm-eval compares all columns, so that equal texts under another id are another row.
      isSameRow: (document, example) =>
        isDeepStrictEqual(own.rows[document]!.value, others.rows[example]!.value),
    }),
  };
}

/** A file of a benchmark's own release, in one of these folders of a person's, or in that one itself. */
interface OfficialFile {
  readonly file: string;
  readonly folders: readonly string[];
}

/** The folder that has an official file; undefined where none has, or where the data are not from a folder. */
export async function officialFolder(
  { source }: LoadRequest,
  { file, folders }: OfficialFile,
): Promise<string | undefined> {
  if (source.kind !== 'folder') return undefined;
  for (const place of [...folders.map((name) => join(source.path, name)), source.path])
    if (await isFile(join(place, file))) return place;
  return undefined;
}

/** Where `officialFolder` looks, for the message that nothing is there. */
export const officialPlaces = ({ file, folders }: OfficialFile): string =>
  `the official ${file} there or in ${folders.slice(0, -1).join(', ')} or ${folders.at(-1)!}`;

/** The documents of a built-in suite, and those that examples are taken from. */
export function builtinData<Document extends { readonly example: Example }>(
  documents: readonly Document[],
  pool: readonly Document[],
): Promise<EvaluationData<Document>> {
  // The hash, which records hold, is that of the examples' texts.
  const texts = documents.map(({ example: { question, answer }, ...document }) => ({
    example: `${question} ${answer}`,
    ...document,
  }));
  return Promise.resolve({ form: 'built-in', hash: sha256(JSON.stringify(texts)), documents, pool });
}

/** The questions of a built-in suite whose answers are judged. */
export function builtinQuestions(
  documents: readonly QuestionDocument[],
): Promise<EvaluationData<QuestionDocument>> {
  return Promise.resolve({ form: 'built-in', hash: sha256(JSON.stringify(documents)), documents, pool: [] });
}

/**
 * The index of the right answer among the choices' labels; throws UsageError with the row's place where it is
 * none of them.
 */
export function placeOf(answer: string, labels: readonly string[], where: string): number {
  const place = labels.indexOf(answer);
  if (place >= 0) return place;
  throw new UsageError(`${where}: the answer is ${JSON.stringify(answer)}; expected ${labels.join(', ')}.`);
}
