/** What the tasks that follow instructions share; tasks/<name>.ts describe what differs. */
import { loadInstructions } from '../../harness/data/sets/instructions/load.ts';
import type { InstructionRow, InstructionSetName } from '../../harness/data/sets/instructions/rows.ts';
import {
  encodeInstruction,
  toInput,
  type DataSize,
  type MetricInfo,
  type TestItem,
  type TextPair,
  type TextTask,
} from '../../harness/task.ts';

export interface InstructionDescription {
  readonly name: InstructionSetName;
  readonly label: string;
  /** Size of the papers' data, tokens as Llama's tokenizer counts them. */
  readonly sizes: DataSize;
  readonly builtinSizes: DataSize;
  readonly defaults: TextTask['defaults'];
  /** The evaluations that the paper gives what was trained. */
  readonly evaluations: readonly string[];
  /** The evaluations of what was trained on built-in data. */
  readonly builtinEvaluations: readonly string[];
  /** Reads the answer out of a generated text or a reference; undefined where it has none. */
  read(text: string): string | undefined;
}

/** How the ReFT paper trains on the training sets of LLM-Adapters. */
export const reasoningDefaults = {
  batchSize: 32,
  epochs: 3,
  warmup: 0.1,
  promptLength: 512,
  targetLength: 512,
  length: 512,
} as const;

const accuracy: MetricInfo = { name: 'accuracy', higherIsBetter: true, scale: 100, decimals: 1 };

/**
 * Makes a task that learns to follow instructions. The papers' data have no test split: evaluations score what
 * was trained. The built-in data have one, scored by the answers that are read out of the generated texts.
 */
export function instructionTask({ read, ...description }: InstructionDescription): TextTask {
  return {
    kind: 'text',
    version: 1,
    metrics: [accuracy],
    hasTemplates: true,
    ...description,

    async load(source, options) {
      const { form, hash, train, validation, test } = await loadInstructions(
        description.name,
        source,
        options,
      );
      return {
        source: { name: description.name, form, hash },
        train: train.map(toPair),
        validation: validation.map(toPair),
        test: test.map(toItem),
      };
    },
    encode: encodeInstruction,
    clean: (text) => text.trim(),

    score(predictions) {
      const segments = predictions.map(({ prediction, references }) => {
        const answer = read(prediction);
        return { accuracy: answer !== undefined && answer === read(references[0]!) ? 1 : 0 };
      });
      const right = segments.filter((segment) => segment.accuracy === 1).length;
      return Promise.resolve({ metrics: { accuracy: right / segments.length }, segments });
    },
  };
}

const toPair = (row: InstructionRow): TextPair => ({ input: toInput(row), target: row.output });
const toItem = (row: InstructionRow, i: number): TestItem => ({
  id: String(i),
  input: toInput(row),
  references: [row.output],
});
