/**
 * The parts that an encoder-decoder family is put together from. A family's file gives them; modules.ts makes sites
 * and tensors of them, stacks.ts the forward passes, family.ts the architecture.
 */
import type { Architecture, Classifier } from '../../architecture.ts';
import type { FamilyName, Site } from '../../edits.ts';
import type { Activation } from '../parts/activations.ts';
import type { NormKind } from '../parts/layers.ts';
import type { Buckets } from '../parts/relative-positions.ts';
import type { BlockRole } from '../parts/site-list.ts';

export type StackName = Site['stack'];

/** Hugging Face's names of a sublayer, within a block. */
export interface SublayerNames {
  /** The sublayer's module. */
  readonly name: string;
  readonly norm: string;
  /** Its linear modules by role. */
  readonly modules: Readonly<Partial<Record<BlockRole, string>>>;
  /** The dropouts of what the sublayer adds, and within: of attention's probabilities, or between the linears. */
  readonly dropouts: Readonly<Record<'residual' | 'inner', string>>;
}

/** The encoder, or the decoder. */
export interface StackParts {
  readonly layers: number;
  readonly heads: number;
  /** h */
  readonly headWidth: number;
  /** Width of the MLP. */
  readonly inner: number;
  /** The list of blocks: `encoder.block`. */
  readonly blocks: string;
  readonly self: SublayerNames;
  /** Attention to the encoder's states, which a decoder has. */
  readonly cross?: SublayerNames;
  readonly mlp: SublayerNames;
  /** The embedding's module, whose table the stacks share. */
  readonly words: string;
  /** The table of positions: learned ones that are added, or relative ones that all blocks share. */
  readonly positions: string;
  readonly embeddingNorm?: string;
  readonly finalNorm?: string;
  /** The dropouts of the first block's input, and of the states after the final norm. */
  readonly dropouts: { readonly embedding: string; readonly final?: string };
}

/** Learned positions of so many rows, whose `first` is that of position 0; or relative ones, as a bias of scores. */
export type Place =
  | { readonly kind: 'learned'; readonly rows: number; readonly first: number }
  | ({ readonly kind: 'relative' } & Buckets);

export interface EncoderDecoderParts {
  readonly family: FamilyName;
  /** The prefix that checkpoints of bare models leave out. */
  readonly root: string;
  /** The table that the stacks share. */
  readonly embedding: string;
  readonly vocabulary: number;
  /** Positions that sources and targets are cut at. */
  readonly positions: number;
  /** d */
  readonly width: number;
  readonly encoder: StackParts;
  readonly decoder: StackParts;
  readonly place: Place;
  /** Whether norms stand before the sublayers, or behind the residual. */
  readonly order: 'pre' | 'post';
  /** Layer norms have a bias, the others none. */
  readonly norm: NormKind;
  /** Whether linear modules have a bias. */
  readonly bias: boolean;
  /** Whether the scores are scaled by h^-0.5. */
  readonly scaled: boolean;
  readonly activation: Activation;
  /** Factor of the words' embeddings. */
  readonly embeddingScale?: number | undefined;
  /** Factor of the states before the output, where they are scaled. */
  readonly outputScale?: number | undefined;
  /** A bias of the logits that the checkpoint holds and nothing trains. */
  readonly outputBias?: string;
  /** Dropout rates: of a stack's ends and what sublayers add, of probabilities, between an MLP's linears. */
  readonly dropout: Readonly<Record<'residual' | 'probabilities' | 'inner', number>>;
  readonly startToken: number;
  readonly endToken: number;
  readonly initial: Architecture['initial'];
  readonly isBuffer: Architecture['isBuffer'];
  readonly classifier: Pick<Classifier, 'className' | 'dropout'>;
  /** What the base's names begin with in transformers' classifier, and nowhere else. */
  readonly classifierRoot?: string;
  /** The deviation with which the head's weights start. */
  readonly deviation: number;
}

/** Hugging Face's name of a block. */
export const blockName = ({ blocks }: StackParts, layer: number): string => `${blocks}.${layer}`;
