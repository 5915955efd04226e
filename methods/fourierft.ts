/**
 * FourierFT (Gao et al. 2024) as Hugging Face peft defines it: y = W x + ΔW x, where ΔW is the real part of the
 * inverse Fourier transform of a matrix with n numbers c at random places, the same for every module of a
 * shape. Only c is trained, far fewer numbers than LoRA's. It starts at N(0, 1), and so not at the base model.
 */
import { z } from 'zod';
import {
  concat,
  countOfEach,
  defineMethod,
  type Delta,
  editLinears,
  exceptions,
  layerList,
  linearTargets,
  matMul,
  mergeAt,
  normalTensor,
  queryAndValue,
  type Site,
  tensorsAt,
  type TensorSpec,
  torchPermutation,
  trainWhole,
  wholeModules,
} from '../harness/method.ts';

export default defineMethod({
  name: 'fourierft',
  label: 'FourierFT',
  paper: 'Gao et al. 2024, arXiv:2405.03003',
  formula: 'y = W x + α Re(IDFT(F)) x, F holds c at n places',
  options: z.strictObject({
    frequencies: z.int().positive().default(1000).describe('n, numbers trained for each module'),
    scale: z.number().positive().default(150).describe('α'),
    placesKey: z
      .int()
      .min(0)
      .default(777)
      .describe("seed of the places, drawn as torch does; not the run's seed"),
    targets: queryAndValue,
    layers: layerList,
    frequenciesAt: exceptions('n'),
    whole: wholeModules,
  }),
  defaults: { learningRate: 5e-2 },
  attach(base, { frequencies, frequenciesAt, scale, placesKey, whole, ...where }) {
    const sites = linearTargets(base, where);
    const countOf = countOfEach(sites, frequencies, frequenciesAt, 'frequenciesAt');
    const small = sites.find((site) => site.inputs * site.outputs < countOf(site));
    if (small) {
      throw new RangeError(
        `${small.name} [${small.outputs}, ${small.inputs}] has fewer than ${countOf(small)} frequencies`,
      );
    }
    const known = new Map<string, Waves>();
    const nameOf = (site: Site, side: 'inputs' | 'outputs'): string =>
      `fourierft.${countOf(site)}.${site.outputs}x${site.inputs}.${side}`;
    /** The waves of a module, which all modules of its shape with as many frequencies have. */
    const wavesOf = (site: Site): Waves => {
      const shape = nameOf(site, 'inputs');
      const own = known.get(shape) ?? waves(site, countOf(site), placesKey);
      known.set(shape, own);
      return own;
    };
    const specsOf = (site: Site): Record<string, TensorSpec> => ({
      [nameOf(site, 'inputs')]: { shape: [2 * countOf(site), site.inputs], init: () => wavesOf(site).down },
      [nameOf(site, 'outputs')]: { shape: [site.outputs, 2 * countOf(site)], init: () => wavesOf(site).up },
    });
    const delta: Delta = {
      trained: tensorsAt(sites, (site) => ({ fourierft_spectrum: normalTensor([countOf(site)], 1) })),
      derived: Object.fromEntries(sites.flatMap((site) => Object.entries(specsOf(site)))),
      edits: (x) =>
        editLinears(sites, x, (y, { input, own, site }) => {
          const c = own('fourierft_spectrum').mul(scale / (site.inputs * site.outputs));
          const low = matMul(input, x[nameOf(site, 'inputs')]!, false, true).mul(concat([c, c]));
          return y.add(matMul(low, x[nameOf(site, 'outputs')]!, false, true));
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) => ({
          low() {
            const c = own('fourierft_spectrum');
            const { up, down } = wavesOf(site);
            const factor = scale / (site.inputs * site.outputs);
            return { up: up.map((wave, i) => wave * c[i % c.length]! * factor), down };
          },
        })),
    };
    return trainWhole(delta, base, whole, sites);
  },
});

/** The waves of a module's shape along its outputs [outputs, 2n] and its inputs [2n, inputs]. */
interface Waves {
  readonly up: Float32Array;
  readonly down: Float32Array;
}

/**
 * cos(2π (j p / outputs + k q / inputs)) = cos cos − sin sin at output p, input q and the place (j, k) of each
 * frequency: up [outputs, 2n] holds cos and −sin along p, down [2n, inputs] cos and sin along q.
 */
function waves({ inputs, outputs }: Site, n: number, key: number): Waves {
  const places = torchPermutation(key, inputs * outputs, n);
  const angle = (frequency: number, at: number, length: number): number =>
    (2 * Math.PI * ((frequency * at) % length)) / length;
  return {
    up: Float32Array.from({ length: outputs * 2 * n }, (_, i) => {
      const [p, wave] = [Math.floor(i / (2 * n)), i % (2 * n)];
      const a = angle(Math.floor(places[wave % n]! / inputs), p, outputs);
      return wave < n ? Math.cos(a) : -Math.sin(a);
    }),
    down: Float32Array.from({ length: 2 * n * inputs }, (_, i) => {
      const [wave, q] = [Math.floor(i / inputs), i % inputs];
      const a = angle(places[wave % n]! % inputs, q, inputs);
      return wave < n ? Math.cos(a) : Math.sin(a);
    }),
  };
}
