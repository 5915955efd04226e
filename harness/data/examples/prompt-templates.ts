/**
 * How instructions become prompts, to the character, by the templates of the programs that papers used. Tasks
 * that follow instructions train with them (encode-instruction.ts), evaluations ask with them.
 */

/**
 * `question`: lm-eval's of GSM8K. `instruction`: the instruction alone, as pyreft asks commonsense. `alpaca`:
 * Stanford Alpaca's. `pyreft`: Alpaca's with a line end more. `human-assistant`: the RED authors'.
 * `llm-adapters`: LLM-Adapters'. `metamath`: that of peft's method_comparison, whose answer follows without a
 * space. `chat`: the tokenizer's own chat template.
 */
export const templateNames = [
  'question',
  'instruction',
  'alpaca',
  'pyreft',
  'human-assistant',
  'llm-adapters',
  'metamath',
  'chat',
] as const;
export type TemplateName = (typeof templateNames)[number];

/** What a model is asked to do; `input` is the text that the instruction is about, empty where there is none. */
export interface Instruction {
  readonly instruction: string;
  readonly input: string;
}

/** Whether an answer follows that is learnt. LLM-Adapters' prompts of training and testing differ. */
export type Phase = 'training' | 'testing';

/** A template whose texts need no tokenizer. */
export interface TextTemplate {
  prompt(asked: Instruction, phase: Phase): string;
  /** The answer and the end token's text, as they follow the prompt in training. */
  answer(output: string, end: string): string;
}

const task = 'Below is an instruction that describes a task';
const write = 'Write a response that appropriately completes the request.';
const alone = `${task}. ${write}`;
const paired = `${task}, paired with an input that provides further context. ${write}`;

/** The instruction and its input in one text, for templates that have no place for an input. */
const joined = ({ instruction, input }: Instruction): string =>
  input === '' ? instruction : `${instruction}\n${input}`;

/** Stanford Alpaca's prompt (train.py of tatsu-lab/stanford_alpaca). */
const alpaca = ({ instruction, input }: Instruction): string =>
  input === ''
    ? `${alone}\n\n### Instruction:\n${instruction}\n\n### Response:`
    : `${paired}\n\n### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:`;

/** The indentation of the lines in LLM-Adapters' code, from where it gets into the prompt. */
const indent = ' '.repeat(16);

/**
 * LLM-Adapters' prompt. In training its first line ends in spaces and the lines between the parts hold the
 * indentation; in testing they are empty.
 */
function llmAdapters({ instruction, input }: Instruction, phase: Phase): string {
  const between = phase === 'training' ? `\n${indent}\n${indent}` : `\n\n${indent}`;
  const part = (title: string, text: string): string => `### ${title}:\n${indent}${text}`;
  if (input === '') {
    const head = alone + (phase === 'training' ? '  ' : ' ');
    const parts = [part('Instruction', instruction), part('Response', '')];
    return `${head}\n\n${indent}${parts.join(between)}`;
  }
  const head = paired + (phase === 'training' ? ' ' : '');
  const parts = [part('Instruction', instruction), part('Input', input), part('Response', '')];
  return `${head}\n\n${indent}${parts.join(between)}`;
}

const endsWithText = (output: string, end: string): string => output + end;

/** All templates but the tokenizer's own. */
export const textTemplates: Readonly<Record<Exclude<TemplateName, 'chat'>, TextTemplate>> = {
  question: {
    prompt: (asked) => `Question: ${joined(asked)}\nAnswer:`,
    answer: (output, end) => ` ${output}${end}`,
  },
  instruction: { prompt: (asked) => `${joined(asked)}\n`, answer: endsWithText },
  alpaca: { prompt: alpaca, answer: endsWithText },
  pyreft: { prompt: (asked) => `${alpaca(asked)}\n`, answer: endsWithText },
  'human-assistant': {
    prompt: (asked) => `Human: ${joined(asked)}\n\nAssistant: `,
    answer: (output, end) => `${output} ${end}`,
  },
  // These two append the end token as an id; the encoding does that.
  'llm-adapters': { prompt: llmAdapters, answer: (output) => output },
  metamath: {
    prompt: (asked) => `Question: ${joined(asked)} Think step by step.\nAnswer:`,
    answer: (output) => output,
  },
};
