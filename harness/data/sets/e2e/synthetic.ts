/** Makes the built-in E2E data and the pairs of other domains that built-in bases are pretrained on. */
import type { E2ERow } from './rows.ts';
import { seededRandom, type SeededRandom } from '../../synthetic/random.ts';
import type { Domain } from '../../synthetic/text-from-meaning/domain.ts';
import { otherDomains } from '../../synthetic/text-from-meaning/other-domains.ts';
import { realise, writeMeaning, type Meaning } from '../../synthetic/text-from-meaning/realise.ts';
import { restaurantNames, restaurants, unseenValues } from '../../synthetic/text-from-meaning/restaurants.ts';

/** The set of slots that a meaning has, type included, as bits: bit i is slot i of {@link slotNames}. */
type Combination = number;

const slotNames = [restaurants.type!.name, ...restaurants.slots.map(({ name }) => name)];

/** The names, slot combinations and values from which a split's meanings are drawn. */
interface Pool {
  readonly names: readonly string[];
  readonly combinations: readonly Combination[];
  readonly maySay: (value: string) => boolean;
}

/**
 * A corpus like E2E (Novikova et al., 2017), made by a grammar with a fixed seed; no sentence or name is
 * copied. The splits share no meaning. No slot combination of test occurs in training, nor do half of test's
 * names and some of its neighbours. Training has 500 meanings with 2 references each, validation 50 with 2,
 * test 150 with 3 to 8.
 */
export function builtinE2E(): { train: E2ERow[]; validation: E2ERow[]; test: E2ERow[] } {
  const random = seededRandom('deltabench: restaurants');
  const shuffledNames = random.shuffle(restaurantNames);
  const known = shuffledNames.slice(0, 60);
  const combinations = random.shuffle(
    Array.from({ length: 1 << slotNames.length }, (_, i) => i).filter((i) => slotCount(i) >= 2),
  );
  const heldOut = combinations.slice(0, combinations.length >> 2);
  const training: Pool = {
    names: known,
    combinations: combinations.slice(heldOut.length),
    maySay: (value) => !unseenValues.has(value),
  };
  const testing: Pool = {
    names: [...known.slice(0, 30), ...shuffledNames.slice(60, 90)],
    combinations: heldOut,
    maySay: () => true,
  };
  const used = new Set<string>();
  return {
    train: rowsOf(random, training, used, 500, () => 2),
    validation: rowsOf(random, training, used, 50, () => 2),
    test: rowsOf(random, testing, used, 150, () => 3 + random.int(6)),
  };
}

/**
 * Makes distinct rows of other domains by the same grammar, for pretraining; `count` should not exceed about
 * 100,000.
 */
export function builtinDomainPairs(count: number, seed: number): E2ERow[] {
  const random = seededRandom(`deltabench: other domains ${seed}`);
  const rows: E2ERow[] = [];
  const used = new Set<string>();
  while (rows.length < count) {
    const domain = random.pick(otherDomains);
    const type = domain.type && random.chance(0.8) ? random.pick(Object.keys(domain.type.nouns)) : undefined;
    const slots = domain.slots.filter(() => random.chance(0.55));
    if (slots.length === 0) continue;
    const facts = slots.map((slot) => ({ slot, value: random.pick(Object.keys(slot.values)) }));
    const row = toRow(domain, { name: domain.names(random), type, facts }, random);
    if (used.has(row.reference)) continue;
    used.add(row.reference);
    rows.push(row);
  }
  return rows;
}

/** Makes rows of `meanings` meanings that no earlier split used, each with distinct references. */
function rowsOf(
  random: SeededRandom,
  pool: Pool,
  used: Set<string>,
  meanings: number,
  references: () => number,
): E2ERow[] {
  const rows: E2ERow[] = [];
  for (let made = 0; made < meanings;) {
    const meaning = drawMeaning(random, pool);
    const written = writeMeaning(restaurants, meaning);
    if (used.has(written)) continue;
    used.add(written);
    made++;
    const different = new Map<string, E2ERow>();
    for (const count = references(); different.size < count;) {
      const row = toRow(restaurants, meaning, random);
      different.set(row.reference, row);
    }
    rows.push(...different.values());
  }
  return rows;
}

function drawMeaning(random: SeededRandom, pool: Pool): Meaning {
  const combination = random.pick(pool.combinations);
  const [type, ...slots] = [restaurants.type!, ...restaurants.slots].map((_, i) => (combination >> i) & 1);
  const facts = restaurants.slots
    .filter((_, i) => slots[i])
    .map((slot) => ({ slot, value: random.pick(Object.keys(slot.values).filter(pool.maySay)) }));
  return {
    name: random.pick(pool.names),
    type: type ? random.pick(Object.keys(restaurants.type!.nouns)) : undefined,
    facts,
  };
}

function toRow(domain: Domain, meaning: Meaning, random: SeededRandom): E2ERow {
  return { meaning: writeMeaning(domain, meaning), reference: realise(domain, meaning, random) };
}

/** Counts the slots of a combination (the bits that are set). */
function slotCount(combination: Combination): number {
  return slotNames.filter((_, i) => (combination >> i) & 1).length;
}
