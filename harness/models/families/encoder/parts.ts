/**
 * The parts that an encoder family is put together from. A family's file gives them; modules.ts makes sites and
 * tensors of them, stack.ts the forward pass, family.ts the architecture.
 */
import type { Architecture, Classifier } from '../../architecture.ts';
import type { FamilyName, Site } from '../../edits.ts';
import type { Activation } from '../parts/activations.ts';
import type { RopeTable } from '../parts/rotary.ts';
import type { BlockRole } from '../parts/site-list.ts';

/** A table whose rows are added to the words' embeddings. */
export interface AddedTable {
  /** Hugging Face's module. */
  readonly name: string;
  readonly rows: number;
}

/** How ids become the input of the first block. */
export interface EmbeddingParts {
  /** Width of the tables; d, unless a projection follows. */
  readonly width: number;
  readonly words: string;
  /** Learned positions; `first` is the row of position 0. */
  readonly positions?: (AddedTable & { readonly first: number }) | undefined;
  readonly tokenTypes?: AddedTable | undefined;
  readonly norm: string;
  /** A linear module from the tables' width to d, before the norm or behind it. */
  readonly projection?: Pick<Site, 'name' | 'bias'> & { readonly place: 'before norm' | 'behind norm' };
}

/** Relative positions that meet queries and keys in the scores (He et al., 2021). */
export interface DisentangledPositions {
  /** The table of relative positions [2 · span, d] under Hugging Face's name, and the module of its norm. */
  readonly table: string;
  readonly norm: string | undefined;
  readonly span: number;
  /** Buckets of distances; every distance has its own where absent. */
  readonly buckets: { readonly count: number; readonly farthest: number } | undefined;
  /**
   * The modules within a block that make keys and queries of the table, where positions are asked by content and
   * where they ask it.
   */
  readonly key: string | undefined;
  readonly query: string | undefined;
  /** The module within a block of the table's dropout. */
  readonly dropout: string;
}

/** Hugging Face's names within a block. */
export interface EncoderBlockNames {
  /** The sublayers' modules. */
  readonly attention: string;
  readonly mlp: string;
  /** The modules by role; those that a family names decide what its block computes. */
  readonly modules: Readonly<Partial<Record<BlockRole, string>>>;
  /** The modules of dropouts: of attention's probabilities, of what the sublayers add. */
  readonly dropouts: Readonly<Record<'probabilities' | 'attention' | 'mlp', string>>;
}

export interface EncoderParts {
  readonly family: FamilyName;
  /** The prefix that checkpoints of bare models leave out: `bert.` */
  readonly root: string;
  readonly vocabulary: number;
  /** Positions that sequences are cut at. */
  readonly positions: number;
  /** d */
  readonly width: number;
  readonly heads: number;
  /** Width of the MLP. */
  readonly inner: number;
  readonly embedding: EmbeddingParts;
  /** The blocks in the order in which they compute; one that stands there more than once is shared. */
  readonly blocks: readonly string[];
  readonly block: EncoderBlockNames;
  /** Whether norms follow the residual, or stand before the sublayers, with a norm after the last block. */
  readonly order: 'post' | { readonly finalNorm: string };
  /** Whether the first block's attention reads the normalised embedding without a norm of its own. */
  readonly firstUnnormed?: boolean;
  readonly norm: { readonly epsilon: number; readonly bias: boolean };
  /** Which linear modules have a bias. */
  readonly biases: { readonly attention: boolean; readonly mlp: boolean };
  readonly attention: {
    /** Rotary positions, a table for each block that computes. */
    readonly rotary?: readonly RopeTable[];
    /** How many tokens away each block that computes sees; undefined for all. */
    readonly reach?: readonly (number | undefined)[];
    readonly relative?: DisentangledPositions | undefined;
  };
  readonly activation: Activation;
  /** Dropout rates; `inner` is between the linears of the MLP. */
  readonly dropout: Readonly<Record<'embedding' | 'probabilities' | 'attention' | 'inner' | 'mlp', number>>;
  /** Deviation of random weights. */
  readonly deviation: number;
  /** Factor of a random weight's deviation; 1 where absent. */
  readonly deviationOf?: (name: string) => number;
  readonly classifier: Classifier;
  readonly biasSetting?: Architecture['biasSetting'];
  /** Tensors of other heads, whose names are without `root`. */
  readonly otherHeads: RegExp;
}

/** Hugging Face's name of a module of a block. */
export const inBlock = (block: string, module: string): string => `${block}.${module}`;
