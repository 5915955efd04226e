// Tests of pretraining: span corruption, masking, packing of rows and the reading of texts.
import fc from 'fast-check';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { maskedHead } from '../../../harness/models/delta/masked-head.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import { packPieces } from '../../../harness/training/pretraining/documents.ts';
import {
  causalSequence,
  corruptedSequence,
  corruptSpans,
  maskedSequence,
  NOTHING,
  type Sequence,
} from '../../../harness/training/pretraining/draw.ts';
import { pretraining, type Row } from '../../../harness/training/pretraining/objective.ts';
import { readDocuments, splitText } from '../../../harness/training/pretraining/read-texts.ts';
import { unigramLoss } from '../../../harness/training/pretraining/unigram.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import { train } from '../../../harness/training/loop/train.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const ids = fc.array(fc.integer({ min: 10, max: 50 }), { minLength: 1, maxLength: 80 });
const seed = fc.nat(1e6);

describe('span corruption', () => {
  const sentinels = Array.from({ length: 20 }, (_, i) => 100 + i);

  it('hides nothing for good: source and target give back the text', () => {
    fc.assert(
      fc.property(ids, seed, (text, n) => {
        const { source, target } = corruptSpans(text, randomStream(n, 'spans'), { end: 1, sentinels });
        const hidden = new Map<number, number[]>();
        for (const id of target.slice(0, -1)) {
          if (sentinels.includes(id)) hidden.set(id, []);
          else [...hidden.values()].at(-1)!.push(id);
        }
        expect([source.at(-1), target.at(-1)]).toEqual([1, 1]);
        expect(source.slice(0, -1).flatMap((id) => hidden.get(id) ?? [id])).toEqual(text);
        // T5's random_spans_noise_mask hides 15 % in spans of three.
        const count = [...hidden.values()].flat().length;
        expect(count).toBe(text.length === 1 ? 0 : Math.max(1, Math.round(0.15 * text.length)));
        if (count > 0) expect(hidden.size).toBe(Math.max(1, Math.round(count / 3)));
        expect([...hidden.values()].every((span) => span.length > 0)).toBe(true);
      }),
    );
  });

  it('leaves a pair as it is', () => {
    const tokens = { start: 0, end: 1, sentinels };
    expect(corruptedSequence({ ids: [5, 6, 1], target: [7, 8, 1] }, randomStream(1, 'x'), tokens)).toEqual({
      source: [5, 6, 1],
      ids: [0, 7, 8],
      targets: [7, 8, 1],
    });
  });
});

describe('masking', () => {
  const tokens = { mask: 4, vocabulary: 1000, isSpecial: (id: number) => id < 5 };

  it('predicts 40 % of the tokens: 80 % masked, 10 % random, 10 % as they are, special ones never', () => {
    const text = [0, ...Array.from({ length: 200 }, (_, i) => 10 + i), 2];
    const counts = { mask: 0, same: 0, other: 0 };
    for (let n = 0; n < 300; n++) {
      const { ids: read, targets } = maskedSequence({ ids: text }, randomStream(n, 'mask'), tokens);
      expect(targets.filter((id) => id !== NOTHING)).toHaveLength(80);
      expect([targets[0], targets.at(-1)]).toEqual([NOTHING, NOTHING]);
      targets.forEach((id, i) => {
        if (id === NOTHING) expect(read[i]).toBe(text[i]);
        else {
          expect(id).toBe(text[i]);
          counts[read[i] === 4 ? 'mask' : read[i] === id ? 'same' : 'other']++;
        }
      });
    }
    // Three standard deviations of 24,000 draws are below 0.01.
    expect(counts.mask / 24_000).toBeCloseTo(0.8, 1.5);
    expect(counts.same / 24_000).toBeCloseTo(0.1, 1.5);
    expect(counts.other / 24_000).toBeCloseTo(0.1, 1.5);
  });
});

describe('rows', () => {
  it('hold every piece whole, once, and no more tokens than they may', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ ids: fc.array(fc.nat(9), { minLength: 1, maxLength: 30 }) })),
        seed,
        (pieces, n) => {
          const rows = packPieces(pieces, 30, n);
          expect(new Set(rows.flat())).toEqual(new Set(pieces));
          expect(rows.flat()).toHaveLength(pieces.length);
          for (const row of rows) expect(row.flatMap((piece) => piece.ids).length).toBeLessThanOrEqual(30);
        },
      ),
    );
  });

  const bases = ['gpt2', 'llama', 'roberta', 't5'];
  it.each(bases)('of %s cost what their sequences cost apart: none sees another', async (family) => {
    const base = await loadBase(`random-${family}~layers=2,width=16,heads=2,vocab=60,seed=1`);
    const head = base.architecture.kind === 'encoder' ? maskedHead(base) : undefined;
    const draw = (text: readonly number[], n: number): Sequence => {
      const random = randomStream(n, 'draw');
      if (family === 't5')
        return corruptedSequence({ ids: text }, random, { start: 0, end: 1, sentinels: [57, 58, 59] });
      return head
        ? maskedSequence({ ids: text }, random, { mask: 4, vocabulary: 60, isSpecial: (id) => id < 5 })
        : causalSequence({ ids: text });
    };
    const texts = Array.from({ length: 6 }, (_, i) => [
      ...randomStream(i, 'text').integers(5 + 2 * i, 50),
    ]).map((text) => text.map((id) => id + 5));
    const sequences = texts.map(draw);
    const lossOf = async (rows: readonly Row[]): Promise<number> => {
      const result = await train<Row>({
        engine: await createEngine({ name: 'onnx', threads: 1 }),
        base,
        delta: { trained: head?.tensors ?? {}, unfreezes: () => true },
        objective: pretraining(base.architecture, head),
        train: rows,
        validation: rows,
        recipe: recipeSchema.parse({ learningRate: 1e-12, maxSteps: 1, dropout: false }),
        seed: 1,
        folder: undefined,
      });
      return result.evaluations[0]!.loss;
    };
    const apart = await lossOf(sequences.map((sequence) => [sequence]));
    expect(await lossOf([sequences.slice(0, 4), sequences.slice(4)])).toBeCloseTo(apart, 4);
    expect(apart).toBeGreaterThan(2);
  });
});

describe('texts', () => {
  it('are parted by blank lines', () => {
    expect(splitText('One\ntwo.\r\n \r\n\r\nThree.\n\n')).toEqual([{ text: 'One two.' }, { text: 'Three.' }]);
  });

  it.each([
    ['{"text": 5}\n', 'line 1 must be'],
    ['{"text": "a"}\n{"input": "a"}\n', 'line 2 must be'],
    ['{"text"\n', 'line 1 is not JSON'],
    ['\n', 'holds no text'],
  ])('are refused where they are unsound: %j', async (content, reason) => {
    const path = join(await temporaryFolder(), 'bad.jsonl');
    await writeFile(path, content);
    await expect(readDocuments(path)).rejects.toThrow(reason);
  });

  it('are read line by line from JSON lines', async () => {
    const path = join(await temporaryFolder(), 'good.jsonl');
    await writeFile(path, '{"text":"a"}\n\n{"input":"b","target":"c"}');
    expect(await readDocuments(path)).toEqual([{ text: 'a' }, { input: 'b', target: 'c' }]);
  });
});

it('knows the loss of token frequencies alone', () => {
  const row = (...ids: number[]): Row => [causalSequence({ ids: [0, ...ids] })];
  // Counts of the three words start at one: of six targets 1 has three, 2 has two and 0 has one.
  const expected = -(2 * Math.log(3 / 6) + Math.log(2 / 6) + Math.log(1 / 6)) / 4;
  expect(unigramLoss([row(1, 1), row(2)], [row(1, 2, 1), row(0)], 3)).toBeCloseTo(expected, 12);
});
