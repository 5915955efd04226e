// How instructions become prompts and tokens: the templates to the character, pyreft's rows with Llama-2's tokenizer.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeInstruction, toInput } from '../../../harness/data/examples/encode-instruction.ts';
import { textTemplates, type TemplateName } from '../../../harness/data/examples/prompt-templates.ts';
import { loadTokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';
import { builtinFolder } from '../../../harness/models/bases/built-in.ts';
import { dataFolder, golden, hasGolden, sha1 } from '../../evaluation/golden.ts';

const alone =
  'Below is an instruction that describes a task. Write a response that appropriately completes the request.';
const paired =
  'Below is an instruction that describes a task, paired with an input that provides further context. ' +
  'Write a response that appropriately completes the request.';
const gap = ' '.repeat(16);

test.each<[Exclude<TemplateName, 'chat'>, string, string]>([
  ['question', 'Question: Do it.\nAnswer:', 'Question: Do it.\nthis\nAnswer:'],
  ['instruction', 'Do it.\n', 'Do it.\nthis\n'],
  [
    'alpaca',
    `${alone}\n\n### Instruction:\nDo it.\n\n### Response:`,
    `${paired}\n\n### Instruction:\nDo it.\n\n### Input:\nthis\n\n### Response:`,
  ],
  [
    'pyreft',
    `${alone}\n\n### Instruction:\nDo it.\n\n### Response:\n`,
    `${paired}\n\n### Instruction:\nDo it.\n\n### Input:\nthis\n\n### Response:\n`,
  ],
  ['human-assistant', 'Human: Do it.\n\nAssistant: ', 'Human: Do it.\nthis\n\nAssistant: '],
  [
    'llm-adapters',
    `${alone} \n\n${gap}### Instruction:\n${gap}Do it.\n\n${gap}### Response:\n${gap}`,
    `${paired}\n\n${gap}### Instruction:\n${gap}Do it.\n\n${gap}### Input:\n${gap}this\n\n${gap}### Response:\n${gap}`,
  ],
])('the template %s asks as its program does', (name, without, withInput) => {
  const { prompt } = textTemplates[name];
  expect(prompt({ instruction: 'Do it.', input: '' }, 'testing')).toBe(without);
  expect(prompt({ instruction: 'Do it.', input: 'this' }, 'testing')).toBe(withInput);
});

test("LLM-Adapters' prompts of training have other spaces than those of testing", () => {
  const { prompt } = textTemplates['llm-adapters'];
  expect(prompt({ instruction: 'Do it.', input: '' }, 'training')).toBe(
    `${alone}  \n\n${gap}### Instruction:\n${gap}Do it.\n${gap}\n${gap}### Response:\n${gap}`,
  );
  expect(prompt({ instruction: 'Do it.', input: 'this' }, 'training')).toBe(
    `${paired} \n\n${gap}### Instruction:\n${gap}Do it.\n${gap}\n${gap}### Input:\n${gap}this\n` +
      `${gap}\n${gap}### Response:\n${gap}`,
  );
});

const tokenizer = await loadTokenizer(builtinFolder('llama-mini'));
const wide = { promptLength: 512, targetLength: 512 };
const text = (ids: readonly number[]): string => tokenizer.decode(ids, { skipSpecialTokens: false });

test('prompt and answer are one text; the end token is part of the answer', () => {
  const input = toInput({ instruction: 'Name an animal.', input: '' });
  const { prompt, target } = encodeInstruction(input, 'a dog', tokenizer, { ...wide, template: 'question' });
  expect([...prompt, ...target]).toEqual(
    tokenizer.encode('Question: Name an animal.\nAnswer: a dog<|endoftext|>'),
  );
  expect(text(target)).toBe(' a dog<|endoftext|>');
  expect(encodeInstruction(input, undefined, tokenizer, { ...wide, template: 'question' })).toEqual({
    prompt,
    target: [],
  });
});

test("RED's form has a space before the end token; LLM-Adapters appends it where there is room", () => {
  const red = encodeInstruction('Go.', 'Yes', tokenizer, { ...wide, template: 'human-assistant' });
  expect(text([...red.prompt, ...red.target])).toBe('Human: Go.\n\nAssistant: Yes <|endoftext|>');
  const adapters = { ...wide, template: 'llm-adapters' } as const;
  const roomy = encodeInstruction('Go.', 'Yes', tokenizer, adapters);
  expect(roomy.target.at(-1)).toBe(tokenizer.eosId);
  const length = roomy.prompt.length + roomy.target.length - 1;
  const full = encodeInstruction('Go.', 'Yes', tokenizer, { ...adapters, length });
  expect(full.target).toEqual(roomy.target.slice(0, -1));
});

test('examples are cut on the right, both parts and the whole', () => {
  const own = { ...wide, template: 'instruction' } as const;
  const whole = encodeInstruction('Say yes now.', 'yes yes yes', tokenizer, own);
  const length = whole.prompt.length + 2;
  expect(encodeInstruction('Say yes now.', 'yes yes yes', tokenizer, { ...own, length })).toEqual({
    prompt: whole.prompt,
    target: whole.target.slice(0, 2),
  });
  const short = encodeInstruction('Say yes now.', 'yes', tokenizer, { ...own, promptLength: 2, length: 2 });
  expect(short).toEqual({ prompt: whole.prompt.slice(0, 2), target: [] });
});

test('a tokenizer without a chat template says what to do', () => {
  expect(() => encodeInstruction('Go.', 'Yes', tokenizer, { ...wide, template: 'chat' })).toThrow(
    /has no chat template/,
  );
});

interface Row {
  readonly task: string;
  readonly tokenizer: 'llama2' | 'smollm2';
  readonly set: string;
  readonly i: number;
  readonly prompt: string;
  readonly n_prompt: number;
  readonly full: string;
  readonly n_full: number;
}
const folders = {
  llama2: join(dataFolder, 'tokenizers', 'llama2'),
  smollm2: join(process.env.DELTABENCH_BASES ?? '', 'SmolLM2-135M-Instruct'),
};
const rows = hasGolden
  ? (golden('llama2_tokens') as { docs: Row[] }).docs.filter(({ task }) => task === 'pyreft-training')
  : [];
const isHere = (name: Row['tokenizer']): boolean =>
  ['tokenizer.model', 'tokenizer.json'].some((file) => existsSync(join(folders[name], file)));

describe.each(['llama2', 'smollm2'] as const)('the tokenizer of %s', (name) => {
  test.skipIf(!hasGolden || !isHere(name))(
    "pyreft's rows token for token (DELTABENCH_DATA: eval-golden, tokenizers; DELTABENCH_BASES)",
    async () => {
      const own = await loadTokenizer(folders[name]);
      for (const row of rows.filter(({ tokenizer }) => tokenizer === name)) {
        const path = join(dataFolder, 'llm-adapters', row.set, 'test.json');
        const all = JSON.parse(readFileSync(path, 'utf8')) as Record<'instruction' | 'output', string>[];
        const { instruction, output } = all[row.i]!;
        const isMath = ['AQuA', 'gsm8k', 'mawps', 'SVAMP'].includes(row.set);
        const writing = { ...wide, length: 512, template: isMath ? 'pyreft' : 'instruction' } as const;
        const { prompt, target } = encodeInstruction(instruction, output, own, writing);
        const whole = [...prompt, ...target];
        expect([prompt.length, whole.length], `${row.set}, row ${row.i}`).toEqual([row.n_prompt, row.n_full]);
        expect(sha1(whole.join(' '))).toBe(row.full);
        const asked = encodeInstruction(instruction, undefined, own, writing).prompt;
        expect(sha1(asked.join(' '))).toBe(row.prompt);
      }
    },
  );
});
