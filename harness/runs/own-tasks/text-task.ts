/** Makes a task of text from the data that a user gave. */
import { encodePair } from '../../data/examples/encode-pair.ts';
import type { TestItem, TextTask } from '../../data/examples/task.ts';
import { loadOwnData, type OwnData, type OwnRow } from '../../data/sets/own/load.ts';
import {
  checkParaphrases,
  officialTextMetrics,
  resampleTexts,
  scoreTexts,
} from '../../metrics/official-text.ts';
import { UsageError } from '../../support/errors.ts';
import { hashJson } from '../../support/json/canonical-json.ts';
import type { TextOptions } from './options.ts';

/** Loads a data set and makes its task; throws UsageError where the data cannot be used. */
export async function openTextTask(
  place: string,
  { input, target, references, split }: TextOptions,
): Promise<{ task: TextTask; data: OwnData }> {
  await checkParaphrases();
  const data = await loadOwnData(place, {
    inputs: [input],
    answer: target,
    references,
    split,
    stratified: false,
  });
  const pairs = (rows: readonly OwnRow[]): { input: string; target: string }[] =>
    rows.map(({ inputs, answer }) => ({ input: inputs[0]!, target: answer }));
  const splits = {
    source: { name: data.name, form: data.form, hash: hashJson({ task: 'text', data: data.hash }) },
    train: pairs(data.train),
    validation: pairs(data.validation),
    test: itemsOf(data.test),
  };
  const task = textTask(`text-${data.name}`);
  return { task: { ...task, data: splits.source, load: () => Promise.resolve(splits) }, data };
}

/** The distinct inputs of a split, each with all references of its rows; a row without has its target. */
function itemsOf(rows: readonly OwnRow[]): TestItem[] {
  const items = new Map<string, Set<string>>();
  for (const { inputs, answer, references } of rows) {
    const known = items.get(inputs[0]!) ?? new Set();
    for (const text of references.length > 0 ? references : [answer]) known.add(text);
    items.set(inputs[0]!, known);
  }
  return [...items].map(([input, references], i) => ({
    id: String(i),
    input,
    references: [...references],
  }));
}

/** The task of a data set without its data, as reports take it. */
export function textTask(name: string): TextTask {
  return {
    kind: 'text',
    name,
    label: name,
    version: 1,
    metrics: officialTextMetrics,
    defaults: { batchSize: 8, epochs: 3, promptLength: 256, targetLength: 128, maxNewTokens: 128 },
    load: () => Promise.reject(new UsageError(`${name} is read from the user's file; give --data.`)),
    encode: encodePair,
    clean: (text) => text.trim(),
    score: scoreTexts,
    resampler: resampleTexts,
  };
}
