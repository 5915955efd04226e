/**
 * The recipe: every hyper-parameter of a run, its default and its help text. The command line, records and
 * the training loop use it; how recipes, methods and tasks override each other is in
 * runs/plan/resolve-recipe.ts.
 */
import { z } from 'zod';
import { templateNames } from '../data/examples/prompt-templates.ts';
import type { Writing } from '../data/examples/task.ts';
import { headNames } from '../models/head-names.ts';

const rate = z.number().min(0).max(1);
const count = z.int().positive();

/** Every hyper-parameter of a run and its default. A run's record holds the resolved values. */
export const recipeSchema = z.strictObject({
  learningRate: z.number().positive().default(1e-3).describe('peak learning rate'),
  optimizer: z
    .enum(['adamw', 'adamw-hf', 'sgd'])
    .default('adamw')
    .describe("PyTorch's AdamW, the one that transformers used to ship, or plain SGD"),
  beta1: rate.default(0.9).describe("AdamW's decay of the first moment"),
  beta2: rate.default(0.999).describe("AdamW's decay of the second moment"),
  epsilon: z.number().positive().optional().describe('AdamW; 1e-8 for adamw, 1e-6 for adamw-hf'),
  biasCorrection: z.boolean().default(true).describe("AdamW's correction of the first steps' moments"),
  momentum: rate.default(0).describe('SGD'),
  weightDecay: z.number().min(0).default(0).describe('decoupled for AdamW, added to the gradient for SGD'),
  schedule: z.enum(['linear', 'cosine', 'constant']).default('linear').describe('after the warm-up'),
  warmup: z.number().min(0).default(0).describe('warm-up: below 1 a share of all steps, else steps'),
  clip: z.number().min(0).default(0).describe('largest norm of the gradient; 0 does not clip'),
  labelSmoothing: rate.default(0).describe('probability mass spread over the vocabulary'),
  dropout: z.boolean().default(true).describe("the base model's dropout while training"),
  dropoutFrom: z
    .enum(['start', 'first-evaluation'])
    .optional()
    .describe("when the base model's dropout begins; at the start where absent"),
  head: z
    .enum(headNames)
    .default('paper')
    .describe(
      "what an encoder's answers come from: the RED authors' head, transformers', or one of the mean",
    ),
  headDropout: z.number().min(0).lt(1).optional().describe("the head's; 0.5 for paper, else config.json's"),
  headLearningRate: z.number().positive().optional().describe("the head's; the method's where absent"),
  batchSize: count.default(8).describe('examples an optimiser step'),
  microBatch: count.optional().describe('examples computed at once; by their lengths where absent'),
  epochs: z.number().positive().default(1).describe('passes over the training set'),
  maxSteps: z.int().min(0).optional().describe('ends training early; 0 only tests'),
  trainExamples: count
    .optional()
    .describe('training examples, drawn by the seed so that fewer are among more; all where absent'),
  validationExamples: count
    .optional()
    .describe(
      "training examples held back to validate on, the same for all seeds; the data's own where absent",
    ),
  order: z
    .enum(['drawn', 'buckets'])
    .optional()
    .describe(
      'of examples: drawn for each epoch where absent, or that of the file, every 20 batches from long to short',
    ),
  evaluateEvery: count.optional().describe('steps between evaluations; an epoch where absent'),
  keep: z
    .enum(['best', 'last'])
    .optional()
    .describe('the step whose tensors are tested: the best on validation where absent, or the last'),
  patience: count.optional().describe('evaluations without a better one before training stops'),
  promptLength: count.default(64).describe('tokens a prompt is cut to'),
  targetLength: count.default(100).describe('tokens a target is cut to'),
  length: count.optional().describe('tokens that prompt and target are cut to together'),
  tooLong: z
    .enum(['cut', 'drop'])
    .optional()
    .describe('what becomes of longer training examples; they are cut where absent'),
  template: z
    .enum(templateNames)
    .optional()
    .describe("how tasks that follow instructions write prompts; the task's own where absent"),
  lossOn: z
    .enum(['answer', 'everything'])
    .optional()
    .describe("the tokens that are learnt: the answer's where absent, or the prompt's, too"),
  endOfLongest: z
    .enum(['learnt', 'not-learnt'])
    .optional()
    .describe("whether a step's longest examples learn their last token; they do where absent"),
  maxNewTokens: count.default(100).describe('tokens generated at most'),
  minNewTokens: z.int().min(0).default(0).describe('tokens before which the end token is not chosen'),
  beams: count.default(1).describe('beams of the search; 1 is greedy'),
  lengthPenalty: z
    .number()
    .default(1)
    .describe('a sequence of n tokens scores its log-probability / n^this; more than one beam'),
  earlyStopping: z
    .union([z.boolean(), z.literal('never')])
    .default(false)
    .describe('whether beam search ends with as many sequences as beams: true, false (a heuristic), never'),
  noRepeatNgram: z.int().min(0).default(0).describe('no so many tokens in a row occur twice; 0 allows it'),
  repetitionPenalty: z
    .number()
    .positive()
    .default(1)
    .describe('above 1, tokens that occurred become less likely'),
  stopAtEnd: z
    .boolean()
    .default(true)
    .describe('whether decoding knows the end token; the text ends there all the same'),
});

/** The hyper-parameters by which texts become tokens; those that are absent stay so. */
export function writingOf({ promptLength, targetLength, length, template }: Recipe): Writing {
  return {
    promptLength,
    targetLength,
    ...(length !== undefined && { length }),
    ...(template !== undefined && { template }),
  };
}

/** Resolved hyper-parameters. Recipes beat a method's defaults, which beat a task's, which beat these. */
export type Recipe = z.infer<typeof recipeSchema>;
