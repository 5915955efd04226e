// Tests of sampling. Probabilities equal those of transformers, and draws are deltabench's own.
import { expect, test } from 'vitest';
import {
  checkSampling,
  samplingProbabilities,
  tokenSampler,
} from '../../../harness/decoding/on-host/sampling.ts';

const scores = Float32Array.of(4, 3.5, 3.25, 2, 1.25, 0.5, -1, -3);
const ids = Int32Array.from([70, 10, 20, 50, 30, 60, 40, 0]);

// Golden probabilities are float64 softmax of these logits after transformers 5.24's TemperatureLogitsWarper,
// TopKLogitsWarper and TopPLogitsWarper, in this order; transformers divides logits in float32.
test.each([
  [
    { temperature: 1 },
    [0.431777518, 0.261886303, 0.203957258, 0.058434733, 0.027602613, 0.013038551, 0.002909294, 0.00039373],
  ],
  [{ temperature: 0.1, topK: 40, topP: 0.75 }, [1, 0, 0, 0, 0, 0, 0, 0]],
  [{ temperature: 0.7, topP: 0.9 }, [0.545833539, 0.26720822, 0.186958241, 0, 0, 0, 0, 0]],
  [{ temperature: 2.5, topK: 3 }, [0.390693847, 0.319873053, 0.2894331, 0, 0, 0, 0, 0]],
  [{ temperature: 1.3, topK: 5, topP: 0.5 }, [0.594985802, 0.405014198, 0, 0, 0, 0, 0, 0]],
  [{ temperature: 1, topP: 0.05 }, [1, 0, 0, 0, 0, 0, 0, 0]],
])('%o has the probabilities that transformers has', (settings, expected) => {
  const own = samplingProbabilities(scores, { ...settings, seed: 0 });
  for (const [i, probability] of own.entries()) expect(probability).toBeCloseTo(expected[i]!, 7);
});

test('tokens are drawn as often as their probability says', () => {
  const sampling = { temperature: 1.3, topK: 6, topP: 0.95, seed: 3 };
  const draw = tokenSampler(sampling, 'a text');
  const count = 20_000;
  const drawn = Array.from({ length: count }, (_, position) => draw({ ids, scores }, position));
  for (const [i, probability] of samplingProbabilities(scores, sampling).entries()) {
    const deviation = Math.sqrt(count * probability * (1 - probability));
    const often = drawn.filter((id) => id === ids[i]).length;
    expect(Math.abs(often - count * probability)).toBeLessThanOrEqual(4 * deviation);
  }
});

test('a draw depends on the seed, the name of the text and the position alone', () => {
  const drawn = (seed: number, stream: string): number[] => {
    const draw = tokenSampler({ temperature: 2, seed }, stream);
    return Array.from({ length: 50 }, (_, position) => draw({ ids, scores }, position));
  };
  expect(drawn(1, 'a')).toEqual(drawn(1, 'a'));
  expect(drawn(1, 'a')).not.toEqual(drawn(2, 'a'));
  expect(drawn(1, 'a')).not.toEqual(drawn(1, 'b'));
});

test.each([
  [{ temperature: 0 }, /temperature 0: .*above 0/],
  [{ temperature: NaN }, /temperature NaN/],
  [{ temperature: 1, topK: 0 }, /top-k 0: .*whole number from 1/],
  [{ temperature: 1, topK: 2.5 }, /top-k 2.5/],
  [{ temperature: 1, topP: 0 }, /top-p 0: .*above 0, up to 1/],
  [{ temperature: 1, topP: 1.5 }, /top-p 1.5/],
])('%o is refused', (settings, message) => {
  expect(() => {
    checkSampling({ ...settings, seed: 0 });
  }).toThrow(message);
});
