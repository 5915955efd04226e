/** The predictions beside a record, as the page shows them. */
import { z } from 'zod';

const rowSchema = z.looseObject({
  id: z.string(),
  /** The further test set of the example, if any. */
  set: z.string().optional(),
  input: z.union([z.string(), z.array(z.string())]).optional(),
  references: z.array(z.string()).optional(),
  label: z.number().optional(),
  prediction: z.union([z.string(), z.number()]).nullable(),
  /** The names of label and prediction, for classes; files of earlier versions lack them. */
  labelName: z.string().optional(),
  predictionName: z.string().optional(),
  scores: z.record(z.string(), z.number()).optional(),
});

/** A run's answer to a test example. */
export interface PredictionRow {
  /** The id, unique in its file: `<set>/<id>` for a further test set. */
  readonly id: string;
  readonly input: string | undefined;
  /** Reference texts, or the label by its name or value. */
  readonly references: readonly string[];
  readonly text: string;
  readonly scores: Readonly<Record<string, number>>;
}

/** Parses a file of predictions; throws ZodError if it holds anything else. */
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

/** Writes a value, or the number of a class without a name, with four digits. */
function valueText(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** The most examples of each table in a page of so many rows. */
export function exampleLimit(rows: number): number {
  return Math.max(3, Math.min(100, Math.floor(5_000 / Math.max(1, rows))));
}
