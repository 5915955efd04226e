/** Makes the built-in data of SST-2: sentences of reviews. */
import { a, sentence } from './grammar.ts';
import type { World } from './world.ts';

const adjectives = [
  [
    'dull',
    'boring',
    'clumsy',
    'tedious',
    'awful',
    'weak',
    'predictable',
    'lifeless',
    'silly',
    'bland',
    'painful',
    'shallow',
    'messy',
    'dreadful',
    'forgettable',
    'tiresome',
    'terrible',
    'annoying',
    'disappointing',
    'ugly',
    'mediocre',
    'stale',
    'unpleasant',
    'pointless',
  ],
  [
    'superb',
    'charming',
    'clever',
    'brilliant',
    'marvelous',
    'delightful',
    'gripping',
    'witty',
    'wonderful',
    'fresh',
    'lovely',
    'touching',
    'thrilling',
    'memorable',
    'elegant',
    'graceful',
    'excellent',
    'lively',
    'impressive',
    'stunning',
    'beautiful',
    'satisfying',
    'pleasant',
    'inspired',
  ],
] as const;
const nouns = [
  [
    'noise',
    'confusion',
    'boredom',
    'nonsense',
    'gloom',
    'vanity',
    'sloppiness',
    'tedium',
    'malice',
    'silliness',
    'bad taste',
    'dullness',
  ],
  [
    'charm',
    'wit',
    'warmth',
    'grace',
    'style',
    'energy',
    'imagination',
    'good humor',
    'magic',
    'depth',
    'elegance',
    'joy',
  ],
] as const;
const ends = [
  [
    'I left early',
    'I want my money back',
    'I was glad when it was over',
    'nobody should waste an evening on it',
    'I would not go again',
    'we regretted our choice',
  ],
  [
    'I loved every minute',
    'I would gladly go again',
    'I told all my friends to go',
    'nobody should miss it',
    'we were sorry when it was over',
    'it made my week',
  ],
] as const;
const degrees = ['', '', 'truly', 'really', 'quite', 'simply'];

type Frame = (w: World, side: 0 | 1) => string;
const opposite = (side: 0 | 1): 0 | 1 => (side === 0 ? 1 : 0);
const how = (w: World, side: 0 | 1): string => w.pick<string>(adjectives[side]);
const what = (w: World, side: 0 | 1): string => w.pick<string>(nouns[side]);
const whole = (w: World): string => `${w.pick(['the', 'the', 'this'])} ${w.pick(w.domain.reviewed)}`;
const part = (w: World, ...not: readonly string[]): string => `the ${w.other(w.domain.aspects, ...not)}`;
const subject = (w: World): string => (w.random.chance(0.5) ? whole(w) : part(w));

/** Frames in which every word of feeling agrees with the class. */
const plain: readonly Frame[] = [
  (w, s) => sentence(subject(w), 'is', w.pick(degrees), how(w, s)),
  (w, s) => sentence(subject(w), 'is', w.pick(degrees), how(w, s), 'and', how(w, s)),
  (w, s) => sentence(whole(w), 'is', w.pick(degrees), `${how(w, s)}, and`, w.pick<string>(ends[s])),
  (w, s) => {
    const first = w.pick(w.domain.aspects);
    return sentence('the', first, 'is', how(w, s), 'and', part(w, first), 'is', how(w, s));
  },
  (w, s) =>
    sentence(
      a(`${how(w, s)} ${w.pick(w.domain.reviewed)}`),
      'whose',
      w.pick(w.domain.aspects),
      'is',
      how(w, s),
    ),
];
/** Frames that negate every word of feeling. */
const turned: readonly Frame[] = [
  (w, s) => sentence(subject(w), 'is', w.pick(['not', 'never', 'not at all', 'hardly']), how(w, opposite(s))),
  (w, s) => sentence(subject(w), 'is', w.pick(['far from', 'anything but']), how(w, opposite(s))),
  (w, s) => sentence(subject(w), 'is neither', how(w, opposite(s)), 'nor', how(w, opposite(s))),
  (w, s) => sentence(whole(w), 'has', w.pick(['no', 'little', 'hardly any']), what(w, opposite(s))),
  (w, s) =>
    sentence(
      'there is',
      w.pick(['nothing', 'not much that is', 'hardly anything']),
      how(w, opposite(s)),
      'about',
      whole(w),
    ),
];
/** Frames with words of both feelings, in which the order or the main clause decides the class. */
const mixed: readonly Frame[] = [
  (w, s) =>
    sentence(
      w.pick(['although', 'though', 'while']),
      part(w),
      'is',
      `${how(w, opposite(s))},`,
      whole(w),
      'is',
      w.pick(degrees),
      how(w, s),
    ),
  (w, s) =>
    sentence(
      whole(w),
      'is',
      w.pick(degrees),
      `${how(w, s)}, ${w.pick(['although', 'even though'])}`,
      part(w),
      'is',
      how(w, opposite(s)),
    ),
  (w, s) =>
    sentence(part(w), 'is', `${how(w, opposite(s))}, but`, whole(w), 'is', w.pick(degrees), how(w, s)),
  (w, s) =>
    sentence(
      'despite',
      w.pick(['its', 'all its']),
      `${what(w, opposite(s))},`,
      whole(w),
      'is',
      w.pick(degrees),
      how(w, s),
    ),
  (w, s) => sentence(whole(w), 'is', how(w, s), 'despite', w.pick(['its', 'all its']), what(w, opposite(s))),
  (w, s) =>
    sentence(
      'I expected',
      a(how(w, opposite(s))),
      `${w.pick(w.domain.reviewed)}, but what I got was`,
      how(w, s),
    ),
  (w, s) => sentence(whole(w), 'could have been', `${how(w, opposite(s))}; instead it is`, how(w, s)),
  (w, s) => sentence(whole(w), 'is more', how(w, s), 'than', how(w, opposite(s))),
  (w, s) => sentence(whole(w), 'is less', how(w, opposite(s)), 'than', how(w, s)),
  (w, s) =>
    sentence(
      w.pick(['my friends', 'the critics', 'my parents', 'some people']),
      'called it',
      `${how(w, opposite(s))}, but I found it`,
      how(w, s),
    ),
  (w, s) =>
    sentence(
      'I found',
      whole(w),
      `${how(w, s)}, whatever`,
      w.pick(['my friends', 'the critics', 'my parents', 'some people']),
      'say about',
      what(w, opposite(s)),
    ),
  (w, s) => sentence(whole(w), 'is full of', what(w, s), 'and free of', what(w, opposite(s))),
  (w, s) => sentence(whole(w), 'lacks', what(w, opposite(s)), 'but never', what(w, s)),
];

const sideOf = (label: number): 0 | 1 => (label === 1 ? 1 : 0);

/** Makes SST-2's one sentence of a review, negative (0) or positive (1). */
export function sst2(w: World, label: number): readonly string[] {
  const part = w.random.next();
  return [w.random.pick(part < 0.3 ? plain : part < 0.55 ? turned : mixed)(w, sideOf(label))];
}

/** Makes a sentence of a review in which every word of feeling agrees with the class. */
export const plainReview = (w: World, label: number): readonly string[] => [
  w.random.pick(plain)(w, sideOf(label)),
];
