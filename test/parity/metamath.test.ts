// The task metamath, from files to losses, as the loop of peft's method_comparison trains the same rows
// (test/golden/make-metamath.py): its texts, cuts and order, what of a batch learns its end, the loss's divisor,
// warm-up and cosine, weight decay, clipping.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseSteps } from '../../harness/records/beside/step-log.ts';
import { readParsed } from '../../harness/records/read-records.ts';
import { torchArgsort } from '../../harness/support/numbers/torch-argsort.ts';
import { tinyRuns } from '../runs/tiny-run.ts';

const golden = join('test', 'golden', 'metamath-losses');
const question = z.object({ question: z.string(), answer: z.string() });
const { length, batch_size, steps, learning_rate, weight_decay, clip, train, gsm8k, losses, ...sorted } = z
  .object({
    length: z.int(),
    batch_size: z.int(),
    steps: z.int(),
    learning_rate: z.number(),
    weight_decay: z.number(),
    clip: z.number(),
    train: z.array(z.object({ query: z.string(), response: z.string() })),
    gsm8k: z.object({ train: z.array(question), test: z.array(question) }),
    losses: z.record(z.string(), z.array(z.number())),
    lengths: z.array(z.array(z.int())),
    orders: z.array(z.array(z.int())),
  })
  .parse(JSON.parse(await readFile(join(golden, 'golden.json'), 'utf8')));

const { folder, run } = await tinyRuns();
const data = join(folder, 'rows');
await mkdir(join(data, 'gsm8k'), { recursive: true });
await writeFile(join(data, 'MetaMathQA-395K.json'), JSON.stringify(train));
for (const split of ['train', 'test'] as const) {
  const lines = gsm8k[split].map((row) => JSON.stringify(row));
  await writeFile(join(data, 'gsm8k', `${split}.jsonl`), lines.join('\n'));
}

test.each(Object.keys(losses))('the losses of %s', async (name) => {
  const { outcomes } = await run(name, {
    tasks: ['metamath'],
    methods: [],
    adapter: join(golden, name),
    models: [join(golden, 'base')],
    data,
    limit: undefined,
    maxSteps: steps,
    settings: [
      `batch-size=${batch_size}`,
      `learning-rate=${learning_rate}`,
      `weight-decay=${weight_decay}`,
      `clip=${clip}`,
      // The end token comes after the tokens of a text.
      `prompt-length=${length}`,
      `target-length=${length + 1}`,
      `length=${length + 1}`,
      'max-new-tokens=1',
      `evaluate-every=${steps}`,
    ],
  });
  const log = await readParsed('', outcomes[0]!, 'steps', parseSteps);
  const ours = log!.map(({ loss }) => loss!);
  expect(ours).toHaveLength(steps);
  expect(Math.max(...ours.map((loss, i) => Math.abs(loss - losses[name]![i]!)))).toBeLessThan(1e-4);
});

test('lengths are sorted as torch.argsort sorts them, equal ones too', () => {
  expect(sorted.lengths.map((lengths) => torchArgsort(lengths))).toEqual(sorted.orders);
});
