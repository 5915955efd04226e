/**
 * The prompt of AlpacaEval 1.0's judge, which is not in this repository: `bench fetch alpaca-eval` brings it from
 * PyPI, or a folder of data has it. Its sha256 is checked wherever it comes from.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { DataSource } from '../data/examples/task.ts';
import { makeFolder, writeFileAtomic } from '../support/atomic-files.ts';
import { UsageError } from '../support/errors.ts';
import { sha256 } from '../support/hash.ts';
import { isFile, readBytes, readJson } from '../support/read-files.ts';
import { downloadWheel } from '../support/network/python-wheel.ts';
import { readZip, unzip } from '../support/zip.ts';

/** The PyPI package that contains the prompt, the path inside it, and the prompt's sha256. */
const PACKAGE = 'alpaca_eval==0.6.6';
const MEMBER = 'alpaca_eval/evaluators_configs/alpaca_eval_gpt4/alpaca_eval.txt';
const SHA256 = 'cf4bace43fa6ac71944b9ca2506587ad7c509478a219e98a3950abf9d5b42a98';
/** Largest size of the prompt in bytes; it has 1,500. */
const LARGEST = 100_000;

const CACHE_FILE = 'alpaca-eval-prompt.txt';
/** Where a folder may have it: by itself, or as in the package. */
const places = ['alpaca_eval.txt', 'alpaca_eval_gpt4/alpaca_eval.txt', MEMBER];
/** The prompt as messages, as in the golden numbers of the tests. */
const messagesFiles = ['alpaca_eval_prompt.json', 'eval-golden/alpaca_eval_prompt.json'];
const messagesSchema = z.object({
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
});

/**
 * Finds the prompt in a folder of data, else in the cache; undefined where it is in neither. Throws UsageError
 * for a file that is not AlpacaEval's.
 */
export async function alpacaTemplate(source: DataSource, cache?: string): Promise<string | undefined> {
  const folder = source.kind === 'folder' ? source.path : undefined;
  const candidates = [
    ...(folder === undefined ? [] : places.map((place) => join(folder, place))),
    ...(cache === undefined ? [] : [join(cache, CACHE_FILE)]),
  ];
  for (const path of candidates) if (await isFile(path)) return checked(await readBytes(path), path);
  for (const file of folder === undefined ? [] : messagesFiles) {
    const path = join(folder!, file);
    if (!(await isFile(path))) continue;
    const { data } = messagesSchema.safeParse(await readJson(path));
    const text = data?.messages.map(({ role, content }) => `<|im_start|>${role}\n${content}\n<|im_end|>`);
    return checked(Buffer.from(text?.join('\n') ?? ''), path);
  }
  return undefined;
}

/**
 * Brings the prompt into the cache folder and gives its path there: from `file` (alpaca_eval.txt or the wheel),
 * else from PyPI. Throws UsageError where it is another file, or pip fails.
 */
export async function fetchAlpacaTemplate(cache: string, file?: string): Promise<string> {
  const given = file === undefined ? await downloadWheel(PACKAGE, cache) : await readBytes(file);
  const isArchive = given.subarray(0, 2).toString('latin1') === 'PK';
  const where = file ?? PACKAGE;
  const text = checked(isArchive ? memberOf(given, where) : given, where);
  await makeFolder(cache);
  await writeFileAtomic(join(cache, CACHE_FILE), text);
  return join(cache, CACHE_FILE);
}

function memberOf(archive: Buffer, where: string): Buffer {
  const member = readZip(archive).get(MEMBER);
  if (member) return unzip(member, LARGEST);
  throw new UsageError(
    `${where} is an archive without ${MEMBER}; give alpaca_eval.txt or the wheel of ${PACKAGE}.`,
  );
}

function checked(bytes: Buffer, where: string): string {
  if (sha256(bytes) === SHA256) return bytes.toString();
  throw new UsageError(
    `${where} is not the judge's prompt of AlpacaEval 1.0 (another sha256); \`fetch alpaca-eval\` brings it.`,
  );
}
