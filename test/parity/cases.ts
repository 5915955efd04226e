// Parity cases: how each method is attached to match a golden of parity/methods/<model>.
import type { Delta, Method } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import adapterFfn from '../../methods/adapter-ffn.ts';
import adapter from '../../methods/adapter.ts';
import bitfit from '../../methods/bitfit.ts';
import ftTop2 from '../../methods/ft-top2.ts';
import full from '../../methods/full.ts';
import ia3 from '../../methods/ia3.ts';
import lora from '../../methods/lora.ts';
import red from '../../methods/red.ts';
import { hasParity, readGolden } from './folder.ts';

/** A golden of parity/methods/<model> and the method that reproduces it. */
export interface Case {
  /** Name of the golden's file, without its extension. */
  readonly golden: string;
  attach(base: BaseModel): Delta;
  /** Maps a tensor's name here to its name in the golden. */
  rename(ours: string): string;
}

const itself = (name: string): string => name;
const inPeft = (name: string): string => `base_model.model.${name}`;
const inRed = (name: string): string =>
  name.replace(/\.red\.scaling$/, '.red.s').replace(/\.red\.bias$/, '.red.b');
const inAdded = (name: string): string => name.replace(/\.added\.bias$/, '.added.b');

/** Reads the configuration that a golden was made with. */
const configOf = (model: string, golden: string): Record<string, never> =>
  hasParity(`methods/${model}/${golden}.json`)
    ? readGolden<{ config: Record<string, never> }>(`methods/${model}/${golden}.json`).config
    : {};

function matches(
  golden: string,
  method: Method,
  options: unknown,
  rename: (ours: string) => string = itself,
): Case {
  return { golden, rename, attach: (base) => method.attach(base, method.options.parse(options)) };
}

const allLinears = [
  'query',
  'key',
  'value',
  'queryKeyValue',
  'attentionOutput',
  'mlpGate',
  'mlpUp',
  'mlpGateUp',
  'mlpOutput',
];

/**
 * Lists the cases that need only a method's options. A new golden gets a line here and in `lacks` of the
 * models without it. Goldens name a sublayer's adapter after its last linear (`lastLinear`, by sublayer).
 */
export function cases(model: string, lastLinear: Readonly<Record<string, string>>): readonly Case[] {
  const { r: rank, lora_alpha: alpha } = { ...configOf(model, 'lora-all'), ...configOf(model, 'lora') };
  const inOpenDelta = (name: string): string =>
    name.replace(/(\w+)\.adapter\./, (_, sublayer: string) => `${sublayer}.${lastLinear[sublayer]}.adapter.`);
  return [
    matches('full', full, {}),
    matches('ft-top1', ftTop2, { blocks: 1 }),
    matches('bitfit', bitfit, {}),
    matches('bitfit-added', bitfit, {}, inAdded),

    matches('adapter', adapter, { bottleneck: 4 }, inOpenDelta),
    matches('adapter-ffn', adapterFfn, { bottleneck: 4 }, inOpenDelta),
    matches('adapter-ln', adapter, { bottleneck: 4, layerNorms: 'blocks' }, inOpenDelta),

    matches('lora', lora, { rank, alpha }, inPeft),
    matches('lora-all', lora, { rank, alpha, targets: allLinears }, inPeft),
    matches('lora-rslora', lora, { rank, alpha, rankStabilized: true }, inPeft),

    matches('ia3', ia3, {}, inPeft),

    matches('red-ffn', red, {}, inRed),
    matches('red-attn', red, { position: 'attn' }, inRed),
    matches('red-ffn_attn', red, { position: 'ffn+attn' }, inRed),
    matches('red-ffn-scaling', red, { bias: false }, inRed),
    matches('red-ffn-bias', red, { scaling: false }, inRed),
    matches('red-ffn-ln', red, { layerNorm: true }, inRed),
    matches('red-pp', red, { position: 'all' }, inRed),
  ];
}
