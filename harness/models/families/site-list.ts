/** How a family declares its sites and the shapes of their tensors, in the order of its forward pass. */
import type { Shape, Site } from '../edits.ts';

/** Where a site is, and what Hugging Face calls it. */
type Place = Pick<Site, 'role' | 'stack' | 'attention' | 'layer' | 'name'>;

/** Collects a family's sites, and its tensors' shapes under Hugging Face's names. */
export class SiteList {
  readonly sites: Site[] = [];
  readonly shapes: Record<string, Shape> = {};
  readonly #width: number;
  readonly #transposed: boolean;

  /** `width` is d; `transposed` says that linear weights are stored [out, in], not [in, out]. */
  constructor({ width, transposed }: { readonly width: number; readonly transposed: boolean }) {
    this.#width = width;
    this.#transposed = transposed;
  }

  /** A linear module, inputs → outputs. */
  linear(site: Place & Pick<Site, 'inputs' | 'outputs' | 'bias'>): void {
    const { name, inputs, outputs, bias } = site;
    this.sites.push({ ...site, kind: 'linear' });
    this.shapes[`${name}.weight`] = this.#transposed ? [outputs, inputs] : [inputs, outputs];
    if (bias) this.shapes[`${name}.bias`] = [outputs];
  }

  /** A normalisation, d → d. */
  norm(site: Place & Pick<Site, 'bias'>): void {
    this.sites.push({ ...site, kind: 'norm', inputs: this.#width, outputs: this.#width });
    this.shapes[`${site.name}.weight`] = [this.#width];
    if (site.bias) this.shapes[`${site.name}.bias`] = [this.#width];
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
