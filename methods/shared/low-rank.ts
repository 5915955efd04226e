/** What LoRA and DoRA share: their options, and what these mean on a base. */
import { z } from 'zod';
import {
  type BaseModel,
  exceptions,
  layerList,
  linearTargets,
  numberOfEach,
  queryAndValue,
  type Site,
} from '../../harness/method.ts';

/** The options that stand first; a variant's name lists options in the order of its schema. */
export const sizeOptions = {
  rank: z.int().positive().default(8).describe('r, rows of A and columns of B'),
  alpha: z.number().positive().default(8).describe('numerator of the scale alpha / r'),
  dropout: z.number().min(0).lt(1).default(0).describe('on the input of A while training'),
};

/** The options that stand last: which modules are adapted, and the sizes of single ones. */
export const placeOptions = {
  targets: queryAndValue,
  layers: layerList,
  ranks: exceptions('rank'),
  alphas: exceptions('alpha'),
};

interface Options {
  readonly rank: number;
  readonly alpha: number;
  readonly rankStabilized?: boolean | undefined;
  readonly targets: readonly string[];
  readonly layers?: readonly number[] | undefined;
  readonly ranks?: readonly string[] | undefined;
  readonly alphas?: readonly string[] | undefined;
}

/** The modules that are adapted, and the size of each. */
export interface LowRank {
  readonly sites: readonly Site[];
  /** r of A [r, inputs] and B [outputs, r]. */
  rankOf(site: Site): number;
  /** The factor of B A: alpha / r, or alpha / √r (rsLoRA), of the module's own alpha and r. */
  scaleOf(site: Site): number;
}

/** What the options mean on a base; throws RangeError where they name what the base does not have. */
export function lowRank(base: BaseModel, options: Options): LowRank {
  const sites = linearTargets(base, options);
  const rankOf = numberOfEach(sites, options.rank, options.ranks);
  const alphaOf = numberOfEach(sites, options.alpha, options.alphas);
  const broken = sites.find((site) => !Number.isInteger(rankOf(site)));
  if (broken) {
    throw new RangeError(`ranks gives ${broken.name} the rank ${rankOf(broken)}, which is no whole number`);
  }
  return {
    sites,
    rankOf,
    scaleOf(site) {
      const rank = rankOf(site);
      return alphaOf(site) / (options.rankStabilized ? Math.sqrt(rank) : rank);
    },
  };
}
