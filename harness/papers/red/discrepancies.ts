/** Where the RED paper, its released code and good practice differ: data, with sides and consequences. */
import { range } from '../../support/numbers/arithmetic.ts';
import type { Discrepancy } from '../discrepancy.ts';

const glue = ['cola', 'mnli', 'mrpc', 'qnli', 'qqp', 'rte', 'sst2', 'stsb'];
/** The ids of the paper's tables. */
const redTables = (...numbers: readonly number[]): string[] => numbers.map((n) => `red/table-${n}`);
const robertas = ['roberta-base', 'roberta-large'];

/** The discrepancies of the RED paper that are switches here. */
export const redDiscrepancies: readonly Discrepancy[] = [
  {
    id: 'e2e-no-eos',
    tasks: ['e2e'],
    what:
      'the released decoding does not know the end token: beams run for 256 tokens and ' +
      'the length penalty is inert; what stands before the first end token is scored',
    says: {
      paper: 'decoding stops at the end token',
      code: 'decoding does not know the end token, so that the length penalty is inert',
      corrected: 'decoding stops at the end token',
    },
    settings: {
      paper: { stopAtEnd: true },
      code: { stopAtEnd: false, maxNewTokens: 256 },
      corrected: { stopAtEnd: true },
    },
    suggested: 'corrected',
    reproduces: 'code',
    changes: { what: 'decoding', tables: redTables(2, 11, 15) },
  },
  {
    id: 'e2e-references',
    tasks: ['e2e'],
    what:
      'the code scores against references that it has tokenised and decoded again, ' +
      'which takes the space before punctuation in 52 of 4,693; the paper names the official script',
    says: {
      paper: 'references as in the official files',
      code: 'references without the space before punctuation (52 of 4,693)',
      corrected: 'references as in the official files',
    },
    suggested: 'corrected',
    reproduces: 'code',
    changes: { what: 'data', tables: redTables(2, 5, 15) },
  },
  {
    id: 'split-seeded',
    tasks: glue,
    data: 'official',
    what:
      'the code draws validation and test from the official validation set by the seed; ' +
      'how they are drawn the paper does not say',
    says: {
      paper: 'each seed draws its own validation and test set',
      code: 'each seed draws its own validation and test set',
      corrected: 'all seeds share one validation and one test set',
    },
    suggested: 'code',
    reproduces: 'code',
    changes: { what: 'data', tables: redTables(1, 3, 8, 14) },
  },
  {
    id: 'split-cola',
    tasks: ['cola'],
    data: 'official',
    what: "Table 8 has 522 and 521 examples; the code swaps CoLA's halves for RoBERTa, not for T5",
    says: {
      paper: 'CoLA is tested on the first 521 of the permuted examples',
      code: 'CoLA is tested on the first half of the permuted examples (T5: the second)',
      corrected: 'CoLA is tested on the second half of the permuted examples, as all tasks are',
    },
    suggested: 'code',
    reproduces: 'code',
    changes: { what: 'data', tables: redTables(3, 8) },
  },
  {
    id: 'split-rte',
    tasks: ['rte'],
    data: 'official',
    what: 'Table 8 has 139 validation and 138 test examples, the code 138 and 139',
    says: {
      paper: 'RTE has 139 validation and 138 test examples',
      code: 'RTE has 138 validation and 139 test examples',
      corrected: 'RTE has 138 validation and 139 test examples',
    },
    suggested: 'code',
    reproduces: 'code',
    changes: { what: 'data', tables: redTables(8) },
  },
  {
    id: 'split-t5',
    tasks: ['mnli', 'qnli', 'qqp', 'sst2'],
    families: ['t5'],
    data: 'official',
    what:
      "the code takes T5's validation set from the training set and tests " +
      'on the whole official validation set; the paper divides the latter',
    says: {
      paper: 'validation and test divide the official validation set',
      code: '1,000 training examples validate, the whole official validation set is the test',
      corrected: 'validation and test divide the official validation set',
    },
    suggested: 'code',
    reproduces: 'code',
    changes: { what: 'data', tables: redTables(3, 8) },
  },
  {
    id: 't5-format',
    tasks: glue,
    families: ['t5'],
    what:
      'the paper follows a setting with the words of T5; ' +
      'the code gives T5 the bare texts and wants the number of the label',
    says: {
      paper: "T5's own task names and label words",
      code: 'bare texts, the number of the label for an answer',
      corrected: "T5's own task names and label words",
    },
    suggested: 'code',
    reproduces: 'code',
    changes: { what: 'data', tables: redTables(3) },
  },
  {
    id: 't5-mnli-two-class',
    tasks: ['mnli'],
    families: ['t5'],
    what: "the code scores T5's MNLI in two classes: contradiction counts as entailment, in answers and labels",
    says: {
      paper: 'MNLI is scored in three classes',
      code: 'MNLI is scored in two classes: contradiction counts as entailment',
      corrected: 'MNLI is scored in three classes',
    },
    suggested: 'corrected',
    reproduces: 'code',
    changes: { what: 'metric', tables: redTables(3) },
  },
  {
    id: 'head-trained',
    tasks: glue,
    families: ['roberta', 'bert'],
    what: 'the classification head is trained; neither the paper nor the code counts it',
    says: {
      paper: 'the head is trained, trainable parameters are counted without it',
      code: 'the head is trained, trainable parameters are counted without it',
      corrected: 'trainable parameters are counted with the head',
    },
    suggested: 'code',
    reproduces: 'code',
  },
  {
    id: 'dropout-first-epoch',
    tasks: glue,
    what: "the code leaves the base model's dropout off until the first evaluation; the paper does not speak of it",
    says: {
      paper: "the base model's dropout acts from the first step",
      code: "the base model's dropout is off until the first evaluation",
      corrected: "the base model's dropout acts from the first step",
    },
    settings: { paper: {}, code: { dropoutFrom: 'first-evaluation' }, corrected: {} },
    suggested: 'corrected',
    reproduces: 'code',
  },
  {
    id: 'optimizer-adamw',
    tasks: glue,
    what:
      'the paper says AdamW; the code uses the one that transformers used to ship, ' +
      'with ε before the bias correction and the decay last',
    says: {
      paper: "PyTorch's AdamW",
      code: 'the AdamW that transformers used to ship (ε 1e-6 before the correction, decay last)',
      corrected: "PyTorch's AdamW",
    },
    settings: {
      paper: { optimizer: 'adamw' },
      code: { optimizer: 'adamw-hf' },
      corrected: { optimizer: 'adamw' },
    },
    suggested: 'code',
    reproduces: 'code',
  },
  {
    id: 'lr-roberta-large-sst2',
    tasks: ['sst2'],
    models: ['roberta-large'],
    methods: ['red'],
    what: "RED's learning rate: 1e-3 in Table 10, 3e-3 in the script",
    says: {
      paper: 'rate 1e-3 of Table 10',
      code: 'rate 3e-3 of the script',
      corrected: 'rate 3e-3 of the script',
    },
    settings: {
      paper: { learningRate: 1e-3 },
      code: { learningRate: 3e-3 },
      corrected: { learningRate: 3e-3 },
    },
    suggested: 'code',
  },
  {
    id: 'lr-t5-sst2',
    tasks: ['sst2'],
    models: ['t5-base'],
    methods: ['red'],
    what: "RED's learning rate: 3e-2 in Table 12, 2e-2 in the script",
    says: {
      paper: 'rate 3e-2 of Table 12',
      code: 'rate 2e-2 of the script',
      corrected: 'rate 2e-2 of the script',
    },
    settings: {
      paper: { learningRate: 3e-2 },
      code: { learningRate: 2e-2 },
      corrected: { learningRate: 2e-2 },
    },
    suggested: 'code',
  },
  {
    id: 'lr-gpt2-large',
    tasks: ['e2e'],
    models: ['gpt2-large'],
    methods: ['red'],
    what:
      "RED's learning rate: 5e-5 in Table 11 (full fine-tuning's), " +
      '6e-3 in the script; the released vectors cannot come from 5e-5',
    says: {
      paper: 'rate 5e-5 of Table 11',
      code: 'rate 6e-3 of the script',
      corrected: 'rate 6e-3 of the script',
    },
    settings: {
      paper: { learningRate: 5e-5 },
      code: { learningRate: 6e-3 },
      corrected: { learningRate: 6e-3 },
    },
    suggested: 'code',
    reproduces: 'code',
  },
  {
    id: 'seeds-cola-rte',
    tasks: ['cola', 'rte'],
    models: [...robertas, 't5-base'],
    what: 'the paper says seeds 42 to 46; by the code the best 5 of 15 are averaged, for T5 the best 3 of 9',
    says: {
      paper: 'the mean of all seeds',
      code: 'the mean of the best seeds alone, chosen by their test scores',
      corrected: 'the mean of all seeds',
    },
    seeds: [
      { side: 'code', models: robertas, seeds: range(42, 56), keepBest: 5 },
      { side: 'code', models: ['t5-base'], seeds: range(42, 50), keepBest: 3 },
    ],
    suggested: 'corrected',
    reproduces: 'code',
  },
  {
    id: 'seeds-mnli-qnli-qqp',
    tasks: ['mnli', 'qnli', 'qqp'],
    models: robertas,
    what: 'five seeds in the paper, one in the scripts',
    says: { paper: 'seeds 42 to 46', code: 'seed 42 alone', corrected: 'seeds 42 to 46' },
    seeds: [{ side: 'code', models: robertas, seeds: [42] }],
    suggested: 'paper',
  },
  {
    id: 'seeds-sst2-large',
    tasks: ['sst2'],
    models: ['roberta-large'],
    what: 'five seeds in the paper, three in the script',
    says: { paper: 'seeds 42 to 46', code: 'seeds 42 to 44', corrected: 'seeds 42 to 46' },
    seeds: [{ side: 'code', models: ['roberta-large'], seeds: range(42, 44) }],
    suggested: 'paper',
  },
  {
    id: 'seeds-t5',
    tasks: ['mnli', 'mrpc', 'qnli', 'qqp', 'sst2', 'stsb'],
    models: ['t5-base'],
    what: 'the paper does not say how many seeds T5 has, the scripts have one',
    says: { paper: 'seeds 42 to 46', code: 'seed 42 alone', corrected: 'seeds 42 to 46' },
    seeds: [{ side: 'code', models: ['t5-base'], seeds: [42] }],
    suggested: 'corrected',
    reproduces: 'code',
  },
  {
    id: 'llama-lr',
    tasks: ['ultrafeedback'],
    models: ['llama-2-7b'],
    methods: ['red'],
    what:
      "RED's learning rate on Llama-2 is 1e-3 in Table 13; train.sh has 2e-5, the rate of full fine-tuning, by " +
      'which the released vectors cannot have come to be',
    says: {
      paper: 'learning rate 1e-3',
      code: 'learning rate 2e-5',
      corrected: 'learning rate 1e-3',
    },
    settings: {
      paper: { learningRate: 1e-3 },
      code: { learningRate: 2e-5 },
      corrected: { learningRate: 1e-3 },
    },
    suggested: 'paper',
    reproduces: 'paper',
  },
  {
    id: 'llama-epochs',
    tasks: ['ultrafeedback'],
    models: ['llama-2-7b'],
    methods: ['red'],
    what: 'RED has 10 epochs on Llama-2 in Table 13, the code 3, as its baselines have in both',
    says: { paper: '10 epochs', code: '3 epochs', corrected: '3 epochs, as the baselines have' },
    settings: { paper: { epochs: 10 }, code: { epochs: 3 }, corrected: { epochs: 3 } },
    suggested: 'paper',
    reproduces: 'paper',
  },
  {
    id: 'llama-max-length',
    tasks: ['ultrafeedback'],
    models: ['llama-2-7b'],
    methods: ['full', 'lora', 'red'],
    what: 'examples have at most 768 tokens in Table 13 and 512 in the code, which drops longer ones',
    says: {
      paper: 'examples of at most 768 tokens',
      code: 'examples of at most 512 tokens',
      corrected: 'examples of at most 768 tokens',
    },
    settings: { paper: { length: 768 }, code: { length: 512 }, corrected: { length: 768 } },
    suggested: 'paper',
  },
];
