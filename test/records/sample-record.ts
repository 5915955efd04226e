// Makes a sample record; used by the tests of records and reports.
import { hashJson } from '../../harness/support/json/canonical-json.ts';
import { sealRecord, type RunRecord, type Settings } from '../../harness/records/record.ts';
import { recipeSchema } from '../../harness/training/recipe.ts';

const hash = 'a'.repeat(64);

export const settings: Settings = {
  task: { name: 'copy', version: 1 },
  data: { name: 'copy', form: 'made', hash },
  model: { id: 'tiny', hash, tokenizer: hash },
  methods: [{ name: 'red', options: { position: 'ffn' } }],
  recipe: recipeSchema.parse({}),
  protocol: 'recommended',
  precision: 'float32',
  limits: { examples: null, steps: 10 },
  seed: 42,
};

/** Makes a finished record with changes, and seals it. */
export function sampleRecord(changes: Partial<RunRecord> = {}, seed = 42): RunRecord {
  const own = { ...settings, seed };
  return sealRecord({
    schema: 1,
    identity: hashJson(own),
    settings: own,
    status: 'finished',
    attempt: 1,
    started: '2026-01-02T03:04:05.000Z',
    ended: '2026-01-02T03:05:05.000Z',
    method: { variant: 'red', label: 'RED' },
    parameters: { trained: 49_152, head: 0, all: 354_872_320 },
    metrics: [{ name: 'exact', split: 'test', value: 0.5, higherIsBetter: true, scale: 100, decimals: 1 }],
    seconds: { train: 12.5 },
    tokensPerSecond: { train: 1000 },
    peakMemoryBytes: 1e9,
    files: {},
    engine: { name: 'onnx', device: 'cpu' },
    code: { version: '0.1.0', commit: null, dirty: null },
    environment: {
      node: 'v20',
      platform: 'linux x64',
      cpu: 'x',
      threads: 2,
      memoryBytes: 1e10,
      packages: {},
    },
    ...changes,
  });
}
