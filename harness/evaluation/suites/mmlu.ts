/**
 * MMLU's subjects, grouped as in lm-eval, and its rows, from the hub's cais/mmlu or the official CSV files.
 * evaluations/mmlu.ts uses it.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { parseCsv } from '../../data/formats/csv.ts';
import { readBytes } from '../../support/read-files.ts';
import { hashFile, sha256 } from '../../support/hash.ts';
import { loadDocuments, officialFolder, officialPlaces } from './documents.ts';
import type { ChoiceDocument, EvaluationData, LoadRequest } from '../evaluation.ts';

/** A row of the hub. In the official files the answer is a letter. */
export const schema = z.object({
  question: z.string(),
  choices: z.array(z.string()).length(4, 'there must be four choices'),
  answer: z.union([
    z.string(),
    z.bigint().transform(Number).pipe(z.int().min(0).max(3)),
    z.int().min(0).max(3),
  ]),
});

const words = (text: string): string[] => text.trim().split(/\s+/);

export const subjects = {
  stem: words(`abstract_algebra anatomy astronomy college_biology college_chemistry college_computer_science
    college_mathematics college_physics computer_security conceptual_physics electrical_engineering
    elementary_mathematics high_school_biology high_school_chemistry high_school_computer_science
    high_school_mathematics high_school_physics high_school_statistics machine_learning`),
  other:
    words(`business_ethics clinical_knowledge college_medicine global_facts human_aging management marketing
    medical_genetics miscellaneous nutrition professional_accounting professional_medicine virology`),
  'social-sciences': words(`econometrics high_school_geography high_school_government_and_politics
    high_school_macroeconomics high_school_microeconomics high_school_psychology human_sexuality
    professional_psychology public_relations security_studies sociology us_foreign_policy`),
  humanities:
    words(`formal_logic high_school_european_history high_school_us_history high_school_world_history
    international_law jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy prehistory
    professional_law world_religions`),
} as const;

type ToDocument = (row: unknown, where: string) => ChoiceDocument;

/**
 * Reads a subject, its examples from the dev split. Throws UsageError where a file is missing or a row
 * malformed.
 */
export async function loadSubject(
  request: LoadRequest,
  subject: string,
  toDocument: ToDocument,
): Promise<EvaluationData> {
  const official = { file: `test/${subject}_test.csv`, folders: ['mmlu', 'MMLU', 'data'] };
  const folder = await officialFolder(request, official);
  if (folder !== undefined) return loadOfficial(folder, subject, request.needsPool, toDocument);
  const place = {
    repo: 'cais/mmlu',
    config: subject,
    documents: { split: 'test' },
    pool: { split: 'dev' },
    otherwise: officialPlaces(official),
  };
  return loadDocuments(request, place, toDocument);
}

async function loadOfficial(
  folder: string,
  subject: string,
  needsPool: boolean,
  toDocument: ToDocument,
): Promise<EvaluationData> {
  const file = (split: string): string => join(folder, split, `${subject}_${split}.csv`);
  const read = async (split: string): Promise<ChoiceDocument[]> => {
    const rows = parseCsv(file(split), await readBytes(file(split)), {}) as string[][];
    return rows.map(([question, a, b, c, d, answer], i) =>
      toDocument({ question, choices: [a, b, c, d], answer }, `${file(split)}, row ${i + 1}`),
    );
  };
  const used = needsPool ? ['test', 'dev'] : ['test'];
  const hashes = await Promise.all(used.map((split) => hashFile(file(split))));
  return {
    form: 'folder',
    hash: sha256(hashes.join('\n')),
    documents: await read('test'),
    pool: needsPool ? await read('dev') : [],
  };
}
