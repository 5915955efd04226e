// The built-in suites: their prompts are those that the built-in tasks train on, and their answers are read.
import { expect, test } from 'vitest';
import { loadTokenizer } from '../../harness/data/tokenizers/tokenizer.ts';
import type { ChoiceEvaluation, TextEvaluation } from '../../harness/evaluation/evaluation.ts';
import { promptsOf } from '../../harness/evaluation/prompts.ts';
import { builtinFolder } from '../../harness/models/bases/built-in.ts';
import { builtinRecipe } from '../../harness/runs/plan/built-in-recipes.ts';
import { loadEvaluations, loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import type { TextTask } from '../../harness/data/examples/task.ts';

const evaluations = await loadEvaluations();
const tasks = await loadTasks();
const tokenizer = await loadTokenizer(builtinFolder('llama-mini'));
const source = { kind: 'built-in' } as const;

const partsOf = (group: string): TextEvaluation[] =>
  [...evaluations.values()].filter(
    (one): one is TextEvaluation => one.kind === 'text' && (one.groups ?? []).includes(group),
  );

test.each([
  ['math', 'word-problems', 'lm-eval', 'question'],
  ['math', 'word-problems', 'pyreft', 'pyreft'],
  ['math', 'word-problems', 'llm-adapters', 'llm-adapters'],
  ['commonsense', 'everyday', 'pyreft', 'instruction'],
  ['commonsense', 'everyday', 'llm-adapters', 'llm-adapters'],
] as const)('%s: %s by %s asks what the task tests by %s', async (name, group, protocol, template) => {
  const task = tasks.get(name) as TextTask;
  const { test: items } = await task.load(source);
  const writing = { promptLength: 512, targetLength: 512, template };
  const asked = new Set(
    items.map(({ input }) => task.encode(input, undefined, tokenizer, writing).prompt.join(' ')),
  );
  const parts = partsOf(group);
  expect(parts).toHaveLength(4);
  let documents = 0;
  for (const part of parts) {
    const data = await part.load({ source, protocol, needsPool: false });
    for (const { document, textOf } of promptsOf(part, data, 0)) {
      expect(asked).toContain(tokenizer.encode(textOf(document.prompt)).join(' '));
      documents++;
    }
  }
  expect(documents).toBe(items.length);
});

test('the recipes of built-in bases ask as the evaluations of built-in data do by default', () => {
  for (const [name, template] of [
    ['math', 'question'],
    ['commonsense', 'instruction'],
  ] as const)
    expect(builtinRecipe(tasks.get(name)!, 'llama-mini', 'lora').settings.template).toBe(template);
  for (const task of tasks.values())
    for (const name of task.builtinEvaluations ?? [])
      expect([...evaluations.values()].some((one) => one.name === name || one.groups?.includes(name))).toBe(
        true,
      );
});

test('every right answer is read as right, every other as wrong', async () => {
  for (const [group, protocol] of [
    ['word-problems', 'lm-eval'],
    ['word-problems', 'pyreft'],
    ['everyday', 'pyreft'],
    ['everyday', 'llm-adapters'],
  ] as const)
    for (const part of partsOf(group)) {
      const { documents } = await part.load({ source, protocol, needsPool: false });
      for (const document of documents) {
        const text = document.example.answer;
        const read = (answer: string) =>
          part.read({ whole: document.prompt + answer, text: answer }, document, protocol).accuracy!;
        // pyreft and LLM-Adapters take a full stop after a number for its point.
        expect(read(text).answer!.replace(/\.$/, '')).toBe(document.gold);
        expect(read(text).isRight).toBe(true);
        expect(read(text.replaceAll(document.gold, '0')).isRight).toBe(false);
        expect(read('')).toEqual({ isRight: false });
      }
    }
});

test('the choice suite has four whole sentences a question, encoded as the task trains them', async () => {
  const suite = evaluations.get('everyday-choices') as ChoiceEvaluation;
  const task = tasks.get('commonsense') as TextTask;
  const { test: items } = await task.load(source);
  const { documents } = await suite.load({ source, protocol: 'lm-eval', needsPool: false });
  expect(documents).toHaveLength(items.length);
  documents.forEach(({ alternatives, gold }, i) => {
    const requests = suite.encode!(tokenizer, alternatives, 'lm-eval');
    const { input, references } = items[i]!;
    const writing = { promptLength: 512, targetLength: 512, template: 'instruction' as const };
    const { prompt, target } = task.encode(input, references[0], tokenizer, writing);
    expect(requests[gold]).toEqual({ context: prompt, continuation: target });
    expect(new Set(requests.map(({ continuation }) => continuation.join(' '))).size).toBe(4);
  });
});
