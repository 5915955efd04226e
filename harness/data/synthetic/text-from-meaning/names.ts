/**
 * Invented names for the domains that built-in bases are pretrained on; the test domain has names of its own.
 */
import { seededRandom, type SeededRandom } from '../random.ts';

/** First syllables of invented names. */
export const starts = [
  'Ar',
  'Bel',
  'Cor',
  'Dan',
  'El',
  'Fal',
  'Gri',
  'Hol',
  'Il',
  'Jor',
  'Kel',
  'Lor',
  'Mon',
  'Nor',
  'Or',
  'Pel',
  'Ras',
  'Sil',
  'Tor',
  'Ul',
  'Ver',
  'Wil',
  'Yar',
  'Zan',
];
const descriptions = [
  'Silver',
  'Golden',
  'Silent',
  'Broken',
  'Winter',
  'Summer',
  'Hidden',
  'Green',
  'Blue',
  'White',
  'Black',
  'Last',
  'First',
  'Long',
  'Lost',
  'Quiet',
  'Burning',
  'Distant',
  'Secret',
  'Iron',
  'Wild',
  'Little',
  'Royal',
  'Northern',
  'Paper',
];
const things = [
  'Garden',
  'River',
  'Crown',
  'Tower',
  'Harbour',
  'Road',
  'Mountain',
  'House',
  'Lion',
  'Swan',
  'Light',
  'Shadow',
  'Island',
  'Window',
  'Letter',
  'Forest',
  'Rose',
  'Star',
  'Bridge',
  'Moon',
  'Anchor',
  'Oak',
  'Bell',
  'Gate',
  'Wolf',
];

const onsets = 'b bl br c ch cl cr d dr f fl g gl gr h j k l m n p pl pr qu r s sc sh sk sl sn sp st str t th tr v w z'.split(' '); // prettier-ignore
const nuclei = 'a e i o u ai ea ee oa oo ou'.split(' ');
const codas = 'b ck d ft g ll m mp n nd ng nk nt p r rd rk rm rn s sk ss st sh t tch th x'.split(' ');
const endings = ['', '', 'a', 'en', 'er', 'et', 'ey', 'le', 'in', 'o', 'ow', 'ham', 'ton', 'wick', 'dale', 'by', 'ford']; // prettier-ignore

/**
 * Returns one of half a million invented words. A base cannot know so many by heart, so it learns to copy
 * names.
 */
function coined(random: SeededRandom): string {
  const word = [onsets, nuclei, codas, endings].map((part) => random.pick(part)).join('');
  return word.charAt(0).toUpperCase() + word.slice(1);
}
const phrase = (random: SeededRandom): string =>
  [descriptions, things].map((words) => (random.chance(0.5) ? random.pick(words) : coined(random))).join(' ');
/** Returns the title of a work: two words, mostly after "The". */
export const titled = (random: SeededRandom): string => (random.chance(0.7) ? 'The ' : '') + phrase(random);
/** Returns the name of a product: an invented word and a model name. */
export const model = (random: SeededRandom): string =>
  `${coined(random)} ${random.pick(['One', 'Pro', 'Mini', 'Plus', '200', '350', '7', 'X', 'S', 'Max', 'Air', 'Go'])}`;
/** Returns a function that draws a name ending in one of `kinds`, such as "Hotel". */
export const ofKind =
  (...kinds: string[]) =>
  (random: SeededRandom): string =>
    `${random.chance(0.5) ? coined(random) : phrase(random)} ${random.pick(kinds)}`;

/** 800 invented landmarks, the same in every run, which meanings name as neighbours. */
export const landmarks = ((random) =>
  Array.from({ length: 800 }, () => {
    const kind = random.pick(['Park', 'Square', 'Church', 'Station', 'Street', 'Stadium', 'Hall', 'Theatre', 'Bridge', 'Hotel', 'Restaurant', 'Coffee Shop', 'Pub', 'Museum']); // prettier-ignore
    const words = random.chance(0.4) ? random.pick(descriptions) : coined(random);
    return `${random.chance(0.3) ? 'the ' : ''}${words} ${kind}`;
  }))(seededRandom('landmarks'));

const firstNames = [
  'Anna',
  'Peter',
  'Maria',
  'George',
  'Ellen',
  'Thomas',
  'Ruth',
  'Daniel',
  'Sarah',
  'Victor',
];
/** 120 names of people. */
export const people = firstNames.flatMap((first) =>
  starts.slice(0, 12).map((start) => `${first} ${start}man`),
);
