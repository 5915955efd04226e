// Compares beam search with an exhaustive search of a random table.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BeamSearch, type BeamOptions, type Hypothesis } from '../../../harness/decoding/on-host/beam.ts';
import { GreedySearch } from '../../../harness/decoding/on-host/greedy.ts';
import { randomScores, searchTable, type Scores } from '../table.ts';

const seed = fc.integer({ min: 1, max: 2 ** 30 });
const prompt = [1, 0];
const EOS = 2;

/** Lists all sequences of a table that end with the end token or at the limit of length, best first. */
function exhaustive(scores: Scores, { maxNewTokens, eosId, lengthPenalty = 1 }: BeamOptions): Hypothesis[] {
  const found: Hypothesis[] = [];
  const visit = (tokens: number[], total: number): void => {
    scores([...prompt, ...tokens]).forEach((score, id) => {
      const sum = Math.fround(total + score);
      const made = tokens.length + 1;
      const normalized = Math.fround(sum / made ** lengthPenalty);
      if (id === eosId) found.push({ tokens, score: normalized });
      else if (made === maxNewTokens) found.push({ tokens: [...tokens, id], score: normalized });
      else visit([...tokens, id], sum);
    });
  };
  visit([], 0);
  return found.sort((a, b) => b.score - a.score);
}

const options = fc.record({
  beams: fc.integer({ min: 2, max: 5 }),
  maxNewTokens: fc.integer({ min: 1, max: 7 }),
  eosId: fc.constantFrom(undefined, EOS),
  lengthPenalty: fc.constantFrom(-1, 0, 0.9, 1, 2),
  earlyStopping: fc.constantFrom(false, true, 'never' as const),
  minNewTokens: fc.integer({ min: 0, max: 3 }),
  noRepeatNgram: fc.integer({ min: 0, max: 3 }),
  repetitionPenalty: fc.constantFrom(1, 1.3),
});

describe('beam search', () => {
  it('with room for every sequence finds what trying them all finds', async () => {
    await fc.assert(
      fc.asyncProperty(
        seed,
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(undefined, EOS),
        fc.constantFrom(0, 0.5, 1, 2),
        async (number, maxNewTokens, eosId, lengthPenalty) => {
          const scores = randomScores(number, 4);
          const all: BeamOptions = {
            beams: 4 ** maxNewTokens,
            maxNewTokens,
            eosId,
            lengthPenalty,
            earlyStopping: 'never',
          };
          const { hypotheses } = await searchTable(scores, prompt, new BeamSearch(all, prompt));
          const expected = exhaustive(scores, all).slice(0, 5);
          const best = hypotheses.slice(0, expected.length);
          expect(best.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens));
          expect(best.map(({ score }) => score)).toBeAllclose(
            expected.map(({ score }) => score),
            { rtol: 1e-6 },
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('returns distinct sequences, best first, with the scores of the table', async () => {
    await fc.assert(
      fc.asyncProperty(seed, options, async (number, given) => {
        const set = { ...given, noRepeatNgram: 0, repetitionPenalty: 1 };
        const scores = randomScores(number, 9);
        const { hypotheses } = await searchTable(scores, prompt, new BeamSearch(set, prompt));
        expect(hypotheses).toHaveLength(set.beams);
        expect(new Set(hypotheses.map(({ tokens }) => tokens.join())).size).toBe(set.beams);
        const recomputed = hypotheses.map(({ tokens }) => {
          const ids = tokens.length < set.maxNewTokens ? [...tokens, EOS] : tokens;
          const sum = ids.reduce((total, id, i) => total + scores([...prompt, ...ids.slice(0, i)])[id]!, 0);
          return sum / ids.length ** set.lengthPenalty;
        });
        expect(hypotheses.map(({ score }) => score)).toBeAllclose(recomputed, { rtol: 1e-5 });
        expect(hypotheses).toEqual([...hypotheses].sort((a, b) => b.score - a.score));
      }),
      { numRuns: 60 },
    );
  });

  it('keeps least lengths and never repeats n tokens', async () => {
    await fc.assert(
      fc.asyncProperty(seed, options, async (number, set) => {
        const { hypotheses } = await searchTable(
          randomScores(number, 25),
          prompt,
          new BeamSearch(set, prompt),
        );
        for (const { tokens } of hypotheses) {
          expect(tokens.length).toBeGreaterThanOrEqual(Math.min(set.minNewTokens, set.maxNewTokens));
          expect(tokens.length).toBeLessThanOrEqual(set.maxNewTokens);
          const n = set.noRepeatNgram;
          const whole = [...prompt, ...tokens];
          const grams = whole.slice(0, whole.length - n + 1).map((_, i) => whole.slice(i, i + n).join());
          if (n > 0) expect(new Set(grams).size).toBe(grams.length);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('needs no more candidates than it asks for', async () => {
    await fc.assert(
      fc.asyncProperty(seed, options, async (number, set) => {
        const scores = randomScores(number, 25);
        const beams = (all: boolean) => searchTable(scores, prompt, new BeamSearch(set, prompt), all);
        expect((await beams(false)).hypotheses).toEqual((await beams(true)).hypotheses);
        const greedy = (all: boolean) => searchTable(scores, prompt, new GreedySearch(set, prompt), all);
        expect((await greedy(false)).hypotheses).toEqual((await greedy(true)).hypotheses);
      }),
      { numRuns: 60 },
    );
  });

  it('ends before the first step where the end token comes at once', async () => {
    const ending: Scores = () => Float32Array.of(-9, -9.5, -0.001, -10);
    const set = { beams: 2, maxNewTokens: 5, eosId: EOS };
    const { hypotheses } = await searchTable(ending, prompt, new BeamSearch(set, prompt));
    expect(hypotheses[0]!.tokens).toEqual([]);
    const greedy = await searchTable(ending, prompt, new GreedySearch(set, prompt));
    expect(greedy.hypotheses[0]!.tokens).toEqual([]);
  });
});
