/** How a family declares its sites and the shapes of their tensors, in the order of its forward pass. */
import { ownHeadName } from '../../architecture.ts';
import type { Shape, Site } from '../../edits.ts';

/** A decoder's head in transformers' models, whose own weight is `ownHeadName`. */
const headModule = 'lm_head';

/** Where a block has modules; those that a family names decide what its block computes. */
export type BlockRole = Exclude<
  Site['role'],
  | 'wordEmbedding'
  | 'positionEmbedding'
  | 'tokenTypeEmbedding'
  | 'embeddingProjection'
  | 'pooler'
  | 'embeddingNorm'
  | 'relativeNorm'
  | 'positionKey'
  | 'positionQuery'
  | 'finalNorm'
  | 'attention'
  | 'mlp'
  | 'block'
  | 'head'
>;

/** Where a site is, and what Hugging Face calls it. */
type Place = Pick<Site, 'role' | 'stack' | 'attention' | 'layer' | 'name'>;

interface ListOptions {
  readonly width: number;
  readonly transposed: boolean;
  readonly normOffset?: number | undefined;
}

/** Collects a family's sites, and its tensors' shapes under Hugging Face's names. */
export class SiteList {
  readonly sites: Site[] = [];
  readonly shapes: Record<string, Shape> = {};
  readonly #width: number;
  readonly #transposed: boolean;
  readonly #normOffset: number | undefined;

  /**
   * `width` is d; `transposed` says that linear weights are stored [out, in], not [in, out]; `normOffset` is what
   * norms add to their weights.
   */
  constructor({ width, transposed, normOffset }: ListOptions) {
    this.#width = width;
    this.#transposed = transposed;
    this.#normOffset = normOffset;
  }

  /** A linear module, inputs → outputs. */
  linear(site: Place & Pick<Site, 'inputs' | 'outputs' | 'bias'>): void {
    const { name, inputs, outputs, bias } = site;
    this.sites.push({ ...site, kind: 'linear' });
    this.shapes[`${name}.weight`] = this.#transposed ? [outputs, inputs] : [inputs, outputs];
    if (bias) this.shapes[`${name}.bias`] = [outputs];
  }

  /** An embedding, rows → d, or another width. */
  embedding(
    { rows, ...site }: Place & Pick<Site, 'shared'> & { readonly rows: number },
    outputs = this.#width,
  ): void {
    this.sites.push({ ...site, kind: 'embedding', inputs: rows, outputs, bias: false });
    this.shapes[site.shared ?? `${site.name}.weight`] = [rows, outputs];
  }

  /** A decoder's head, d → V; without `shared` its weight is one of its own. */
  head(site: Pick<Site, 'layer' | 'outputs' | 'shared'>): void {
    const place = { stack: 'decoder', role: 'head', name: headModule } as const;
    this.sites.push({ ...place, ...site, kind: 'head', inputs: this.#width, bias: false });
    if (site.shared === undefined) this.shapes[ownHeadName] = [site.outputs, this.#width];
  }

  /** A normalisation, d → d, or of another width. */
  norm(site: Place & Pick<Site, 'bias'>, width = this.#width): void {
    const offset = this.#normOffset;
    this.sites.push({ ...site, kind: 'norm', inputs: width, outputs: width, ...(offset && { offset }) });
    this.shapes[`${site.name}.weight`] = [width];
    if (site.bias) this.shapes[`${site.name}.bias`] = [width];
  }

  /** A sublayer's or a block's output, d → d, which has no tensors of its own. */
  output(kind: 'sublayer' | 'block', site: Place): void {
    this.sites.push({ ...site, kind, inputs: this.#width, outputs: this.#width, bias: false });
  }

  /** Finds sites by their names. */
  finder(): (name: string) => Site {
    const byName = new Map(this.sites.map((site) => [site.name, site]));
    return (name) => byName.get(name)!;
  }
}
