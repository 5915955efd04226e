import { z } from 'zod';

const rowSchema = z.looseObject({
  id: z.string(),
  /** A further test set. */
  set: z.string().optional(),
  input: z.union([z.string(), z.array(z.string())]).optional(),
  references: z.array(z.string()).optional(),
  label: z.number().optional(),
  prediction: z.union([z.string(), z.number()]).nullable(),
  /** Of classes; files of before names were written have none. */
  labelName: z.string().optional(),
  predictionName: z.string().optional(),
  scores: z.record(z.string(), z.number()).optional(),
});

/** What a run answers to a test example. */
export interface PredictionRow {
  /** Unique in its file. */
  readonly id: string;
  readonly input: string | undefined;
  /** Texts, or the label: its name, or its value. */
  readonly references: readonly string[];
  readonly text: string;
  readonly scores: Readonly<Record<string, number>>;
}

/** The rows of a file of predictions; throws ZodError where they are something else. */
export function parsePredictions(rows: readonly unknown[]): PredictionRow[] {
  return z
    .array(rowSchema)
    .parse(rows)
    .map(({ id, set, input, references, label, labelName, prediction, predictionName, scores }) => ({
      id: set === undefined ? id : `${set}/${id}`,
      input: typeof input === 'object' ? input.join(' ‖ ') : input,
      references: references ?? (label === undefined ? [] : [labelName ?? valueText(label)]),
      text: predictionName ?? (typeof prediction === 'number' ? valueText(prediction) : String(prediction)),
      scores: scores ?? {},
    }));
}

/** A value, or the number of a class without a name, in four digits. */
function valueText(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** How many examples of each table a page of so many rows holds. */
export function exampleLimit(rows: number): number {
  return Math.max(3, Math.min(100, Math.floor(5_000 / Math.max(1, rows))));
}
