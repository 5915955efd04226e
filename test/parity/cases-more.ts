// Parity cases whose methods need more than options to match the reference; used with those of cases.ts.
import type { Delta, Method, TensorSpec } from '../../harness/models/method.ts';
import direft from '../../methods/direft.ts';
import dora from '../../methods/dora.ts';
import loreft from '../../methods/loreft.ts';
import noreft from '../../methods/noreft.ts';
import pTuning from '../../methods/p-tuning.ts';
import prefix from '../../methods/prefix.ts';
import prompt from '../../methods/prompt.ts';
import vera from '../../methods/vera.ts';
import type { Case } from './cases.ts';
import { peftCases } from './cases-peft.ts';
import { weightCases } from './cases-weights.ts';
import { hasParity, readGolden, readTensors } from './folder.ts';

const inPeft = (name: string): string => `base_model.model.${name}`;
const inEncoder = (name: string): string => `prompt_encoder.${name}`;
/** Renames `<block>.<layer>.reft.<tensor>` to `<layer>.<tensor>`. */
const inReft = (name: string): string => name.replace(/^.*\.(\d+)\.reft\./, '$1.');

function matches(
  golden: string,
  method: Method,
  options: unknown,
  rename: (ours: string) => string,
  adjust: (delta: Delta) => Delta = (delta) => delta,
): Case {
  return { golden, rename, attach: (base) => adjust(method.attach(base, method.options.parse(options))) };
}

/** Lists the parity cases of a model that need more than the method's options. */
export function moreCases(model: string): readonly Case[] {
  const folder = `methods/${model}`;
  const configOf = (golden: string): Record<string, number> =>
    hasParity(`${folder}/${golden}.json`)
      ? readGolden<{ config: Record<string, number> }>(`${folder}/${golden}.json`).config
      : {};

  /** Replaces the initial values of a frozen tensor with those of a golden file. */
  const golden = (spec: TensorSpec, file: string, name: string): TensorSpec => ({
    ...spec,
    init: async () => (await readTensors(`${folder}/${file}.safetensors`))[name]!,
  });

  /** Takes VeRA's projections from the golden file, since torch draws them from its own stream. */
  const withProjections = (delta: Delta): Delta => ({
    ...delta,
    frozen: Object.fromEntries(
      Object.entries(delta.frozen!).map(([name, spec]) => [
        name,
        golden(spec, 'vera-projections', `base_model.${name}`),
      ]),
    ),
  });

  /** Freezes ReFT's rotation R, as the goldens do: torch updates its parametrisation differently. */
  const withFixedRotation =
    (file: string) =>
    ({ trained, edits, readsPrompt }: Delta): Delta => {
      const [moved, fixed] = [true, false].map((moves) =>
        Object.entries(trained).filter(([name]) => moves !== name.endsWith('.R')),
      );
      return {
        ...(edits && { edits }),
        ...(readsPrompt && { readsPrompt }),
        trained: Object.fromEntries(moved!),
        frozen: Object.fromEntries(
          fixed!.map(([name, spec]) => [name, golden(spec, file, `state.${inReft(name)}`)]),
        ),
      };
    };

  const doraConfig = configOf('dora');
  const reft = { rank: configOf('loreft').rank, first: 2, last: 2, tied: true };
  return [
    matches('dora', dora, { rank: doraConfig.r, alpha: doraConfig.lora_alpha }, inPeft),
    matches('vera', vera, { rank: configOf('vera').r }, inPeft, withProjections),

    matches('loreft', loreft, reft, inReft, withFixedRotation('loreft')),
    matches('direft', direft, reft, inReft, withFixedRotation('direft')),
    matches('noreft', noreft, reft, inReft),

    matches('prefix', prefix, { virtualTokens: 5 }, inEncoder),
    matches('prefix-projection', prefix, { virtualTokens: 5, projection: true, hidden: 20 }, inEncoder),
    matches('prompt', prompt, { virtualTokens: 5 }, inEncoder),
    matches('ptuning', pTuning, { virtualTokens: 5, hidden: 20 }, inEncoder),

    ...peftCases(model),
    ...weightCases(model),
  ];
}
