// The decoder gives up rows of ended groups when no more prompts come, and decodes the others as before.
import { expect, test } from 'vitest';
import { freezeAll } from '../../../harness/decoding/programs.ts';
import { BeamSearch } from '../../../harness/decoding/on-host/beam.ts';
import { Decoder } from '../../../harness/decoding/on-host/decoder.ts';
import { runSearches } from '../../../harness/decoding/on-host/search.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';

const engine = await createEngine({ name: 'onnx', threads: 1 });
const delta = { trained: {} };

/** The names of the step programs, and the best sequence of each prompt, which may have so many tokens. */
async function decode(base: BaseModel, lengths: readonly number[], beams: number, idleBytes: number) {
  const programs: string[] = [];
  const watched: Engine = {
    ...engine,
    freeze: (...given) => engine.freeze(...given),
    state: (...given) => engine.state(...given),
    compile(...given) {
      programs.push(given[0].name);
      return engine.compile(...given);
    },
  };
  const frozen = await freezeAll(engine, base, delta, {});
  const setup = { engine: watched, base, delta, frozen, normalized: beams > 1 };
  const groups = 4;
  const decoder = new Decoder(setup, { groups, beams, prompts: 2, candidates: 2 * beams + 2, idleBytes });
  const jobs = lengths.map((maxNewTokens, i) => {
    const prompt = Array.from({ length: 3 + (i % 4) }, (_, at) => 4 + ((7 * i + 5 * at) % 30));
    return { prompt, search: new BeamSearch({ beams, maxNewTokens, eosId: undefined }, prompt) };
  });
  await runSearches(decoder, jobs, { groups, prompts: 2, onEnd: () => undefined });
  await decoder.dispose();
  frozen.dispose();
  const steps = programs.filter((name) => name.startsWith('step'));
  return { steps, tokens: jobs.map(({ search }) => search.hypotheses[0]!.tokens) };
}

test.each([
  ['random-gpt2~positions=64,', 1],
  ['random-gpt2~positions=64,', 3],
  ['random-t5~', 2],
])('%s with %i beams', async (family, beams) => {
  const found = await loadBase(`${family}layers=1,width=16,heads=2,vocab=40`);
  const base = { ...found, tensor: async (name: string) => (await found.tensor(name)).map((x) => 8 * x) };
  const lengths = [3, 20, 9, 4, 12, 6, 30];
  const [kept, given] = [await decode(base, lengths, beams, Infinity), await decode(base, lengths, beams, 0)];
  expect(given.tokens).toEqual(kept.tokens);
  const rowsOf = (steps: readonly string[]): Set<number> =>
    new Set(steps.map((name) => Number(name.split(' ')[1])));
  expect(rowsOf(kept.steps)).toEqual(new Set([4 * beams]));
  expect([...rowsOf(given.steps)]).toEqual([4, 3, 2, 1].map((groups) => groups * beams));
});
