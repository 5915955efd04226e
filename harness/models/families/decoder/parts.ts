/**
 * The parts that a decoder-only family is put together from. A family's file gives them; modules.ts makes sites
 * and tensors of them, stack.ts the forward pass, family.ts the architecture.
 */
import type { Architecture, DecoderClassifier } from '../../architecture.ts';
import type { FamilyName } from '../../edits.ts';
import type { Activation } from '../parts/activations.ts';
import type { NormKind } from '../parts/layers.ts';
import type { RopeTable } from '../parts/rotary.ts';
import type { BlockRole } from '../parts/site-list.ts';

/** Hugging Face's names. */
export interface DecoderNames {
  /** The prefix that checkpoints of bare models leave out: `model.` */
  readonly root: string;
  /** The embedding's module. */
  readonly embedding: string;
  /** The list of blocks: `model.layers`. */
  readonly blocks: string;
  readonly finalNorm: string;
  /** The sublayers' modules within a block. */
  readonly attention: string;
  readonly mlp: string;
  /** The modules within a block, by role. */
  readonly modules: Readonly<Partial<Record<BlockRole, string>>>;
  /** The module of the dropout of attention's probabilities; `<attention>.dropout` where absent. */
  readonly probabilities?: string;
}

/** A table of learned positions, added to the embeddings. */
export interface LearnedPositions {
  readonly kind: 'learned';
  /** The embedding's module and its rows. */
  readonly table: string;
  readonly rows: number;
  /** The row of position 0. */
  readonly first: number;
}

/** Rotary positions, a table for each layer; none in a layer without positions. */
export interface RotaryPositions {
  readonly kind: 'rotary';
  readonly tables: readonly (RopeTable | undefined)[];
}

/** What differs between families in how queries meet keys; the usual where absent. */
export interface AttentionPart {
  /** Factor of the scores; h^-0.5 where absent. */
  readonly scale?: number;
  /** Bound of the scores, c · tanh(z / c). */
  readonly softCap?: number | undefined;
  /** How many tokens each layer sees, the own among them; undefined for all. */
  readonly windows?: readonly (number | undefined)[];
  /** Whether a fused module gives query, key and value of head after head, not of all heads one by one. */
  readonly interleaved?: boolean;
  /** Whether queries and keys are normalised head by head or in their whole width, where there are norms. */
  readonly normed?: 'head' | 'width';
}

export interface DecoderParts {
  readonly family: FamilyName;
  readonly names: DecoderNames;
  readonly vocabulary: number;
  /** Positions that sequences are cut at. */
  readonly positions: number;
  readonly layers: number;
  /** d */
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** h */
  readonly headWidth: number;
  /** Width of the MLP. */
  readonly inner: number;
  /** Whether linear weights are stored [out, in]. */
  readonly transposed: boolean;
  /** Layer norms have a bias, the others none. */
  readonly norm: NormKind;
  /** Which linear modules have a bias. */
  readonly biases: {
    readonly queryKeyValue: boolean;
    readonly attentionOutput: boolean;
    readonly mlp: boolean;
  };
  readonly place: LearnedPositions | RotaryPositions;
  readonly attention: AttentionPart;
  readonly activation: Activation;
  /** Whether both sublayers read the block's input, and their outputs are added together. */
  readonly parallel?: boolean;
  /** Factor of the tokens' embeddings. */
  readonly embeddingScale?: number;
  /** Bound of the logits. */
  readonly logitCap?: number | undefined;
  /** Dropout rates of the embeddings, of attention's probabilities, and of what a sublayer adds. */
  readonly dropout: {
    readonly embedding: number;
    readonly probabilities: number;
    readonly residual: number;
  };
  /** Deviation of random weights. */
  readonly deviation: number;
  /** Factor of a random weight's deviation; 1 where absent. */
  readonly deviationOf?: (name: string) => number;
  /** Whether config.json ties the output to the embedding. */
  readonly tied: boolean;
  readonly biasSetting?: Architecture['biasSetting'];
  readonly isBuffer?: Architecture['isBuffer'];
  readonly classifier: DecoderClassifier;
  /** Other names of the output's own weight. */
  readonly headAliases?: readonly string[];
}

/** Hugging Face's name of a module of a block. */
export const moduleName = ({ names }: DecoderParts, layer: number, module: string): string =>
  `${names.blocks}.${layer}.${module}`;

/** The name of a block. */
export const blockName = ({ names }: DecoderParts, layer: number): string => `${names.blocks}.${layer}`;
