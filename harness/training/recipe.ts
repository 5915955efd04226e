import { z } from 'zod';

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
  batchSize: count.default(8).describe('examples an optimiser step'),
  microBatch: count.optional().describe('examples computed at once; by their lengths where absent'),
  epochs: z.number().positive().default(1).describe('passes over the training set'),
  maxSteps: count.optional().describe('ends training early'),
  evaluateEvery: count.optional().describe('steps between evaluations; an epoch where absent'),
  patience: count.optional().describe('evaluations without a better one before training stops'),
  promptLength: count.default(64).describe('tokens a prompt is cut to'),
  targetLength: count.default(100).describe('tokens a target is cut to'),
  maxNewTokens: count.default(100).describe('tokens generated at most'),
  beams: count.default(1).describe('beams of the search; 1 is greedy'),
});

/** Resolved hyper-parameters. Recipes beat a method's defaults, which beat a task's, which beat these. */
export type Recipe = z.infer<typeof recipeSchema>;
