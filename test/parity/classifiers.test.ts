// Parity of heads of classes on decoders and encoder-decoders with transformers' …ForSequenceClassification under
// LoRA. test/golden/parity/classifiers.py made the golden numbers.
import { describe, expect, it } from 'vitest';
import type { EngineName } from '../../harness/engine/types.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import { makeHead, readBy, withHead, type Head } from '../../harness/models/delta/heads.ts';
import type { Delta } from '../../harness/models/method.ts';
import { labelled } from '../../harness/training/objectives/classification.ts';
import lora from '../../methods/lora.ts';
import { testEngine } from '../engines.ts';
import { takeObjectiveSteps } from './adamw.ts';
import type { Arrays } from './decoder.ts';
import { computeEncoder, examplesOf } from './encoder.ts';
import { folderOf, hasParity, readGolden, readTensors } from './folder.ts';

interface Batch {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly labels: number[];
}
interface Golden {
  readonly pad_token: number;
  readonly trainable: { name: string; shape: number[] }[];
  /** Batches padded on the right, and of decoders on the left. */
  readonly cases: {
    readonly right: { batch: Batch; loss: number };
    readonly left?: { batch: Batch; loss: number };
  };
  readonly regression: { labels: number[]; loss: number };
  readonly adamw: { lrs: number[]; losses: number[]; loss_final: number; weight_decay: number };
}

/** The name of a tensor of the head or of LoRA in peft; T5's classifier has the base under another root. */
function inPeft(name: string, model: string): string {
  const root = model.endsWith('t5-tiny') && name.includes('lora_') ? 'transformer.' : '';
  return `base_model.model.${root}${name}`;
}

/** Puts LoRA and a head on a base whose config.json names this padding token. */
async function attach(
  model: string,
  padToken: number | undefined,
  outputs: number,
): Promise<{ base: BaseModel; head: Head; delta: Delta }> {
  const loaded = await loadBase(folderOf(model));
  const bare = { ...loaded, config: { ...loaded.config, pad_token_id: padToken } };
  const head = makeHead(bare, 'huggingface', outputs);
  const base = readBy(head, bare);
  const targets = model === 'gpt2-tiny' ? ['queryKeyValue'] : ['query', 'value'];
  const delta = lora.attach(base, lora.options.parse({ rank: 4, alpha: 8, targets }));
  return { base, head, delta: withHead(delta, head) };
}

describe.each(['gpt2-tiny', 'llama-tiny', 'bart-tiny', 't5-tiny', 'mt5-tiny'])('%s', (model) => {
  const isDecoder = /^gpt2|^llama/.test(model);
  const [file, values] = ['json', 'safetensors'].map((end) => `methods/${model}/score.${end}`) as [
    string,
    string,
  ];
  describe.skipIf(!hasParity(file)).each<EngineName>(['onnx', 'js'])('%s', (name) => {
    const golden = (): Golden => readGolden<Golden>(file);
    const stateOf = (delta: Delta, tensors: Arrays, prefix: string): Arrays =>
      Object.fromEntries(
        Object.keys(delta.trained).map((key) => [key, tensors[`${prefix}.${inPeft(key, model)}`]!] as const),
      );

    it('computes the logits, the loss and the gradients of transformers', async () => {
      const { pad_token, cases, trainable } = golden();
      const tensors = await readTensors(values);
      const { base, head, delta } = await attach(model, pad_token, 3);
      expect(
        Object.entries(trainedShapes(base, delta)).map(([key, shape]) => ({
          name: inPeft(key, model),
          shape,
        })),
      ).toEqual(expect.arrayContaining(trainable));
      expect(Object.keys(trainedShapes(base, delta))).toHaveLength(trainable.length);
      const run = { engine: await testEngine(name), base, delta, head };
      const state = stateOf(delta, tensors, 'state');
      for (const [side, { batch, loss }] of Object.entries(cases)) {
        const ours = await computeEncoder(run, state, examplesOf(batch), true);
        expect(ours.loss / loss).toBeCloseTo(1, 5.4);
        expect(ours.answers).toBeAllclose(tensors[`${side}.logits`]!, { atol: 1e-5 });
        for (const [key, gradient] of Object.entries(ours.gradients)) {
          const expected = tensors[`grad.${inPeft(key, model)}`]!;
          const largest = Math.max(...expected.map(Math.abs));
          expect(gradient, key).toBeAllclose(expected, { atol: 1e-5 * largest });
        }
      }
    });

    it.runIf(isDecoder)('reads the last token, whatever it is, where no padding token is named', async () => {
      const tensors = await readTensors(values);
      const { base, head, delta } = await attach(model, undefined, 3);
      const run = { engine: await testEngine(name), base, delta, head, differentiated: false };
      const examples = examplesOf(golden().cases.right.batch);
      const { answers } = await computeEncoder(run, stateOf(delta, tensors, 'state'), examples, true);
      expect(answers).toBeAllclose(tensors['unpadded.logits']!, { atol: 1e-5 });
      expect(answers).not.toBeAllclose(tensors['right.logits']!, { atol: 1e-2 });
    });

    it('takes a value for one output', async () => {
      const { pad_token, cases, regression } = golden();
      const tensors = await readTensors(values);
      const { base, head, delta } = await attach(model, pad_token, 1);
      const run = { engine: await testEngine(name), base, delta, head, differentiated: false };
      const examples = examplesOf(cases.right.batch, regression.labels);
      const ours = await computeEncoder(run, stateOf(delta, tensors, 'regression.state'), examples, false);
      expect(ours.loss / regression.loss).toBeCloseTo(1, 5.4);
      expect(ours.answers).toBeAllclose(tensors['regression.logits']!, { atol: 1e-5 });
    });

    it('takes optimiser steps as torch does', async () => {
      const { pad_token, cases, adamw } = golden();
      const tensors = await readTensors(values);
      const { base, head, delta } = await attach(model, pad_token, 3);
      const { losses, final } = await takeObjectiveSteps(
        { engine: await testEngine(name), base, delta },
        stateOf(delta, tensors, 'state'),
        { objective: labelled(head, true, 0), examples: examplesOf(cases.right.batch) },
        { ...adamw, optimizer: 'adamw' },
      );
      expect(losses).toBeAllclose([...adamw.losses, adamw.loss_final], { rtol: 1e-5 });
      for (const [key, ours] of Object.entries(final))
        expect(ours, key).toBeAllclose(tensors[`final.${inPeft(key, model)}`]!, { atol: 1e-5 });
    });
  });
});
