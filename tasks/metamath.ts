/** The task metamath: MetaMathQA to learn, GSM8K to test, as peft's method_comparison has them. */
import { isEqualAnswer, readAnswer } from '../harness/data/sets/metamath/answers.ts';
import { loadMetaMath, type MathRow } from '../harness/data/sets/metamath/load.ts';
import {
  encodeInstruction,
  textTemplates,
  UsageError,
  type MetricInfo,
  type TestItem,
  type TextPair,
  type TextTask,
} from '../harness/task.ts';

const accuracy: MetricInfo = { name: 'accuracy', higherIsBetter: true, scale: 100, decimals: 2 };

const toPair = ({ query, response }: MathRow): TextPair => ({ input: query, target: response });
const toItem = ({ query, response }: MathRow, i: number): TestItem => ({
  id: String(i),
  input: query,
  references: [response],
});

/** The right answer of an item; throws UsageError where its reference has none. */
function goldOf({ id, references }: TestItem): string {
  const gold = readAnswer(references[0]!);
  if (gold !== undefined) return gold;
  throw new UsageError(`The reference of test item ${id} has no answer behind "The answer is" or "####".`);
}

/**
 * MetaMathQA (Yu et al., 2023), as huggingface/peft at 5d602fd trains and scores it for its method_comparison:
 * the first 20,000 short examples, the last step's tensors. Prompt and generated text are read as one.
 */
const task: TextTask = {
  kind: 'text',
  name: 'metamath',
  label: 'MetaMathQA',
  version: 2,
  metrics: [accuracy],
  selection: 'accuracy',
  hasTemplates: true,
  sizes: { train: 395_000, validation: 50, test: 1_319, tokens: 210 },
  builtinSizes: { train: 1_600, validation: 60, test: 160, tokens: 50 },
  defaults: {
    template: 'metamath',
    lossOn: 'everything',
    keep: 'last',
    batchSize: 4,
    maxSteps: 5_000,
    evaluateEvery: 250,
    learningRate: 1e-4,
    weightDecay: 0.1,
    schedule: 'cosine',
    warmup: 0.1,
    clip: 1,
    // 768 tokens of text and the end token.
    promptLength: 768,
    targetLength: 769,
    length: 769,
    maxNewTokens: 300,
  },

  async load(source, options) {
    const { form, hash, train, validation, test } = await loadMetaMath(source, options);
    return {
      source: { name: 'metamath', form, hash },
      train: train.map(toPair),
      validation: validation.map(toPair),
      validationItems: validation.map(toItem),
      test: test.map(toItem),
    };
  },
  encode: encodeInstruction,
  clean: (text) => text,

  score(predictions, { side }) {
    const readsCommas = side('metamath-commas') === 'corrected';
    const segments = predictions.map(({ prediction, ...item }) => {
      const asked = textTemplates.metamath.prompt({ instruction: String(item.input), input: '' }, 'testing');
      const isRight = isEqualAnswer(readAnswer(asked + prediction), goldOf(item), readsCommas);
      return { accuracy: isRight ? 1 : 0 };
    });
    const right = segments.filter((segment) => segment.accuracy === 1).length;
    return Promise.resolve({ metrics: { accuracy: right / segments.length }, segments });
  },
};

export default task;
