/**
 * A protocol: which side a run takes where a paper, its code and good practice differ (find-discrepancies.ts), and
 * whether it reads classes as transformers does.
 * The plan makes it, cells carry it, records hold its name.
 */
import { didYouMean, UsageError } from '../support/errors.ts';
import { sides, type Side } from './discrepancy.ts';
import { discrepancies, discrepanciesOf, type DiscrepancyCase } from './find-discrepancies.ts';

/** The word that asks for transformers' classifiers. */
const classifierWord = 'huggingface';

/** Which side of each discrepancy a run takes. */
export interface Protocol {
  /** The name in records, the same for every way to ask for it: `code e2e-no-eos=paper`. */
  readonly name: string;
  /**
   * Whether classes and values come from transformers' …ForSequenceClassification: from a head on decoders and
   * encoder-decoders too, which otherwise write them.
   */
  readonly hasClassifiers: boolean;
  side(id: string): Side;
}

/** Reads the protocol back from its name in a record. */
export function namedProtocol(name: string): Protocol {
  return parseProtocol(name.split(' '));
}

/**
 * Reads `recommended | published | paper | code | corrected`, `huggingface` and single entries `id=side`.
 * `recommended` takes the suggested side of each entry; `published` takes the side that most likely gave the printed
 * numbers, else the suggested one. Throws UsageError, with the names there are.
 */
export function parseProtocol(words: readonly string[]): Protocol {
  let general: Side | 'recommended' | 'published' = 'recommended';
  const single = new Map<string, Side>();
  const hasClassifiers = words.includes(classifierWord);
  for (const word of words.filter((each) => each !== classifierWord)) {
    const [id = '', value] = word.split('=');
    if (value === undefined) {
      const known = ['recommended', 'published', ...sides] as const;
      const found = known.find((name) => name === word);
      if (!found)
        throw new UsageError(
          `There is no protocol "${word}".${didYouMean(word, [...known, classifierWord])} ` +
            `Protocols: ${[...known, classifierWord].join(', ')}.`,
        );
      general = found;
      continue;
    }
    const ids = discrepancies.map((entry) => entry.id);
    if (!ids.includes(id))
      throw new UsageError(
        `There is no discrepancy "${id}".${didYouMean(id, ids)} There are: ${ids.join(', ')}.`,
      );
    const side = sides.find((name) => name === value);
    if (!side) throw new UsageError(`"${word}": a side is one of ${sides.join(', ')}.`);
    single.set(id, side);
  }
  const entries = [...single].sort().map(([id, side]) => `${id}=${side}`);
  return {
    name: [general, ...(hasClassifiers ? [classifierWord] : []), ...entries].join(' '),
    hasClassifiers,
    side(id) {
      const entry = discrepancies.find((d) => d.id === id)!;
      const own = single.get(id);
      if (own !== undefined) return own;
      if (general === 'published') return entry.reproduces ?? entry.suggested;
      return general === 'recommended' ? entry.suggested : general;
    },
  };
}

/** The hyper-parameters that a protocol sets for a run. */
export function protocolSettings(protocol: Protocol, run: DiscrepancyCase): Record<string, unknown> {
  return Object.assign(
    {},
    ...discrepanciesOf(run).map(({ id, settings }) => settings?.[protocol.side(id)] ?? {}),
  ) as Record<string, unknown>;
}

/** The side a run takes in each discrepancy that applies to it. */
export function sidesOf(protocol: Protocol, run: DiscrepancyCase): Record<string, Side> {
  return Object.fromEntries(discrepanciesOf(run).map(({ id }) => [id, protocol.side(id)]));
}
