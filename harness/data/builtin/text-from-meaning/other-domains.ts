import { seededRandom, type SeededRandom } from '../random.ts';
import { sameWay, type Domain, type Opening, type Slot, type Value } from './domain.ts';

/** Beginnings of invented names. */
const starts = [
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

/** One of half a million words: names can only be copied, never known by heart, which is what a base has to learn. */
function coined(random: SeededRandom): string {
  const word = [onsets, nuclei, codas, endings].map((part) => random.pick(part)).join('');
  return word.charAt(0).toUpperCase() + word.slice(1);
}
const phrase = (random: SeededRandom): string =>
  [descriptions, things].map((words) => (random.chance(0.5) ? random.pick(words) : coined(random))).join(' ');
const titled = (random: SeededRandom): string => (random.chance(0.7) ? 'The ' : '') + phrase(random);
const model = (random: SeededRandom): string =>
  `${coined(random)} ${random.pick(['One', 'Pro', 'Mini', 'Plus', '200', '350', '7', 'X', 'S', 'Max', 'Air', 'Go'])}`;
const ofKind =
  (...kinds: string[]) =>
  (random: SeededRandom): string =>
    `${random.chance(0.5) ? coined(random) : phrase(random)} ${random.pick(kinds)}`;

const landmarks = ((random) =>
  Array.from({ length: 800 }, () => {
    const kind = random.pick(['Park', 'Square', 'Church', 'Station', 'Street', 'Stadium', 'Hall', 'Theatre', 'Bridge', 'Hotel', 'Restaurant', 'Coffee Shop', 'Pub', 'Museum']); // prettier-ignore
    const words = random.chance(0.4) ? random.pick(descriptions) : coined(random);
    return `${random.chance(0.3) ? 'the ' : ''}${words} ${kind}`;
  }))(seededRandom('landmarks'));

const near: Slot = {
  name: 'near',
  isPlace: true,
  values: sameWay(landmarks, {
    after: ['near {v}', 'next to {v}', 'not far from {v}', 'within walking distance of {v}'],
    participle: ['located near {v}', 'standing next to {v}'],
    predicate: [
      'is near {v}',
      'stands next to {v}',
      'is within walking distance of {v}',
      'lies not far from {v}',
    ],
  }),
};

const area: Slot = {
  name: 'area',
  isPlace: true,
  values: {
    ...sameWay(['old town', 'harbour', 'university quarter', 'business district', 'city centre'], {
      after: ['in the {v}', 'in the {v} area', 'within the {v}'],
      participle: ['located in the {v}', 'situated in the {v} area'],
      predicate: ['is in the {v}', 'is located in the {v}', 'lies within the {v} area'],
    }),
    suburbs: {
      after: ['in the suburbs', 'on the edge of town'],
      predicate: ['is in the suburbs', 'lies on the edge of town'],
    },
    countryside: {
      after: ['in the countryside'],
      predicate: ['is in the countryside', 'lies outside the city'],
    },
    seaside: { after: ['at the seaside', 'by the sea'], predicate: ['is by the sea', 'lies at the seaside'] },
  },
};

const price: Slot = {
  name: 'price',
  values: {
    cheap: {
      tone: 1,
      before: ['cheap', 'affordable'],
      after: ['at a low price'],
      predicate: ['is cheap', 'is affordable', 'costs little'],
      sentence: ['you will not pay much for {it}'],
    },
    moderate: {
      before: ['reasonably priced'],
      after: ['at a moderate price'],
      predicate: ['is reasonably priced', 'has a moderate price', 'comes at a medium price'],
    },
    high: {
      tone: -1,
      before: ['expensive', 'costly'],
      after: ['at a high price'],
      predicate: ['is expensive', 'has a high price', 'costs a lot'],
      sentence: ['you will pay a lot for {it}'],
    },
  },
};

/** What it costs in pounds, a night, a month or for good. */
const cost = (every: string, ...values: string[]): Slot => ({
  name: 'price',
  values: sameWay(
    values.map((value) => `${value} pounds`),
    {
      after: [`at {v}${every}`, `for {v}${every}`],
      participle: [`priced at {v}${every}`],
      predicate: [`costs {v}${every}`, `is priced at {v}${every}`],
      sentence: [`the price is {v}${every}`],
    },
  ),
});

const rating = (who: string): Slot => ({
  name: 'rating',
  values: {
    high: {
      tone: 1,
      before: ['well-rated', 'well-liked'],
      after: ['with good ratings'],
      predicate: ['is well rated', `is liked by its ${who}`, 'has a high rating'],
      sentence: [`most ${who} like {it}`],
    },
    average: {
      before: ['mediocre'],
      after: ['with average ratings'],
      predicate: ['has an average rating', 'is rated as mediocre', `leaves its ${who} undecided`],
    },
    low: {
      tone: -1,
      before: ['badly rated'],
      after: ['with bad ratings'],
      predicate: ['has a low rating', 'is badly rated', `disappoints its ${who}`],
      sentence: [`few ${who} like {it}`],
    },
    ...stars(1, -1),
    ...stars(2, -1),
    ...stars(3),
    ...stars(4, 1),
    ...stars(5, 1),
  },
});

function stars(count: number, tone?: 1 | -1): Record<string, Value> {
  const words = `${count} ${count === 1 ? 'star' : 'stars'} out of 5`;
  return {
    [`${count} out of 5`]: {
      ...(tone && { tone }),
      after: [`with ${words}`, 'with a score of {v}'],
      participle: [`scoring {v}`],
      predicate: [`has ${words}`, `scores {v}`, `was given ${words}`],
    },
  };
}

const familyFriendly: Slot = {
  name: 'family friendly',
  values: {
    yes: {
      tone: 1,
      before: ['family-friendly'],
      after: ['for all ages'],
      predicate: ['is family-friendly', 'is suitable for all ages', 'is fun for parents and children'],
    },
    no: {
      tone: -1,
      before: ['grown-up'],
      after: ['for grown-ups'],
      predicate: ['is not family-friendly', 'is meant for grown-ups', 'is not made for children'],
      sentence: ['children will not enjoy {it}'],
    },
  },
};

/** A slot all of whose values are said in the same way. */
const slot = (name: string, values: readonly string[], phrases: Value, kind = false): Slot => ({
  name,
  values: sameWay(values, phrases),
  ...(kind && { isKind: true }),
});

const has = (name: string, values: readonly string[], what = '{v}'): Slot =>
  slot(name, values, {
    after: [`with ${what}`],
    predicate: [`has ${what}`, `comes with ${what}`],
    sentence: [`{it} offers ${what}`],
  });

const yesNo = (name: string, yes: Value, no: Value): Slot => ({
  name,
  values: { yes: { tone: 1, ...yes }, no: { tone: -1, ...no } },
});

const maker = slot(
  'maker',
  starts.map((start) => `${start}tec`),
  {
    before: ['{v}'],
    after: ['from {v}', 'by {v}'],
    participle: ['made by {v}', 'built by {v}'],
    predicate: ['is made by {v}', 'comes from {v}'],
  },
  true,
);

const colour = slot('colour', ['black', 'white', 'silver', 'red', 'blue', 'green', 'grey', 'yellow'], {
  before: ['{v}'],
  after: ['in {v}'],
  predicate: ['is {v}', 'comes in {v}', 'is available in {v}'],
});

const size = (...values: string[]): Slot =>
  slot('size', values, { before: ['{v}'], predicate: ['is {v}', 'is {v} in size'] });

const weight = (...values: string[]): Slot =>
  slot('weight', values, {
    after: ['with a weight of {v}'],
    participle: ['weighing {v}'],
    predicate: ['weighs {v}', 'has a weight of {v}'],
  });

const year = slot(
  'year',
  Array.from({ length: 40 }, (_, i) => String(1980 + i)),
  {
    after: ['from {v}'],
    participle: ['released in {v}'],
    predicate: ['came out in {v}', 'was released in {v}', 'appeared in {v}'],
  },
);

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
const people = firstNames.flatMap((first) => starts.slice(0, 12).map((start) => `${first} ${start}man`));

const person = (name: string, did: string): Slot =>
  slot(name, people, {
    after: ['by {v}'],
    participle: [`${did} by {v}`],
    predicate: [`was ${did} by {v}`, `is the work of {v}`],
    sentence: [`the ${name} is {v}`],
  });

// The words of the test domain in other company: a base that never met them could not learn to say them from a few vectors.

const plates = {
  Italian: 'pasta and pizza',
  French: 'cheese and pastries',
  Indian: 'curries and naan',
  Chinese: 'noodles and dumplings',
  Japanese: 'sushi and ramen',
  English: 'roasts and pies',
  'fast food': 'burgers and fries',
};
/** What is sold or taught: `does` and `doing` are forms of the verb. */
const kitchen = (does: string, doing: string): Slot => ({
  name: 'food',
  isKind: true,
  values: Object.fromEntries(
    Object.entries(plates).map(([kind, dishes]) => {
      const food = kind === 'fast food' ? kind : `${kind} food`;
      return [
        kind,
        {
          before: [kind],
          after: [`for lovers of ${food}`, `for anyone who likes ${dishes}`],
          participle: [`${doing} ${dishes}`, `${doing} ${food}`],
          predicate: [`${does} ${food}`, `${does} ${dishes}`, `${does} ${kind} dishes and meals`],
          sentence: [`${dishes} are what {it} is known for`],
        },
      ];
    }),
  ),
});

const town: Slot = {
  name: 'area',
  isPlace: true,
  values: {
    riverside: {
      after: ['on the riverside', 'along the river', 'near the water of the river'],
      participle: ['built beside the river', 'standing on the river bank'],
      predicate: ['stands on the river bank', 'belongs to the riverside', 'is down by the water'],
    },
    'city centre': {
      after: ['at the heart of the city', 'in the centre', 'in the middle of the city'],
      participle: ['found in the city centre', 'right in the middle of town'],
      predicate: ['is central', 'stands in the city centre', 'lies at the heart of the town'],
    },
    'market square': {
      after: ['at the market square', 'behind the market', 'beside the stalls of the market'],
      participle: ['looking out over the square', 'found on the market square'],
      predicate: ['stands on the square', 'belongs to the market square', 'is among the stalls'],
    },
  },
};

/** `it` is what one pays for: "a lesson". */
const spending = (it: string): Slot => ({
  name: 'price',
  values: {
    cheap: {
      tone: 1,
      before: ['cheap', 'inexpensive', 'low-priced'],
      after: ['with prices that are low', 'for a small wallet'],
      predicate: ['is inexpensive', 'is low-priced', 'asks low prices', 'does not empty the wallet'],
      sentence: [`${it} is cheap`],
    },
    moderate: {
      before: ['moderately priced', 'mid-priced'],
      after: ['with a mid-range price'],
      predicate: ['has a moderate price range', 'is mid-priced', 'is not cheap but not expensive'],
      sentence: [`${it} has a moderate price`],
    },
    high: {
      tone: -1,
      before: ['expensive', 'pricey', 'high-priced'],
      after: ['with prices on the high side', 'for a full purse'],
      predicate: ['is pricey', 'is high-priced', 'has a high price range', 'is not cheap'],
      sentence: [`${it} is expensive`],
    },
    ...between('under 20 pounds', ['under 20 pounds', 'less than 20 pounds'], it),
    ...between('20 to 25 pounds', ['20 to 25 pounds', 'between 20 and 25 pounds'], it),
    ...between('over 30 pounds', ['over 30 pounds', 'more than 30 pounds'], it),
  },
});

function between(value: string, sums: readonly string[], it: string): Record<string, Value> {
  const each = (text: string): string[] => sums.map((sum) => `${text} ${sum}`);
  return {
    [value]: {
      after: each('for'),
      participle: each('charging'),
      predicate: [...each('charges'), ...each('asks')],
      sentence: [...each(`people pay`), ...each(`${it} is`)],
    },
  };
}

const opinion: Slot = {
  name: 'customer rating',
  values: {
    high: {
      tone: 1,
      before: ['popular', 'highly rated'],
      after: ['with many happy customers', 'with high ratings from its customers'],
      participle: ['loved by many', 'popular with customers and diners'],
      predicate: ['is popular', 'is loved by its customers', 'gets high ratings from its guests'],
      sentence: ['guests think highly of {it}'],
    },
    average: {
      before: ['average'],
      after: ['with mixed reviews'],
      participle: ['rated average by customers'],
      predicate: [
        'has average reviews',
        'is found average by customers',
        'leaves its diners with mixed opinions',
      ],
      sentence: ['customers find {it} average'],
    },
    low: {
      tone: -1,
      before: ['unpopular', 'poorly rated'],
      after: ['with a low rating from its customers'],
      participle: ['poorly rated by customers'],
      predicate: ['has poor reviews', 'is unpopular', 'gets a low rating from its guests'],
      sentence: ['customers think little of {it}', 'diners do not like {it}'],
    },
    ...marks(5, 'five', 1),
    ...marks(3, 'three'),
    ...marks(1, 'one', -1),
  },
};

function marks(count: number, word: string, tone?: 1 | -1): Record<string, Value> {
  return {
    [`${count} out of 5`]: {
      ...(tone && { tone }),
      before: [`${word}-star`],
      after: ['with customers who rate it {v}'],
      participle: ['given {v} by its customers'],
      predicate: ['gets {v} from its guests', 'has a rating of {v}', 'is given {v} by diners'],
      sentence: ['its customers give {v}'],
    },
  };
}

const kids: Slot = {
  name: 'family friendly',
  values: {
    yes: {
      tone: 1,
      before: ['child-friendly', 'kid-friendly', 'family-friendly'],
      after: ['for kids as well', 'that welcomes the whole family'],
      participle: ['welcoming kids'],
      predicate: ['welcomes children', 'is child-friendly', 'is a place for the whole family'],
      sentence: ['bring the children along'],
    },
    no: {
      tone: -1,
      before: ['adults-only'],
      after: ['where kids are not welcome'],
      participle: ['open to adults only'],
      predicate: ['is closed to children', 'is not suitable for kids', 'does not allow children'],
      sentence: ['the kids must stay at home', 'only adults are allowed'],
    },
  },
};

const refreshments: Slot = {
  name: 'inside',
  values: Object.fromEntries(
    Object.entries({ pub: 'a tavern', 'coffee shop': 'a cafe', restaurant: 'an eatery' }).map(
      ([value, other]) => [
        value,
        {
          after: [`with a ${value} inside`, `with ${other}`],
          predicate: [`has a ${value}`, `has ${other}`, `houses a ${value}`],
          sentence: [`there is a ${value} {here}`],
        },
      ],
    ),
  ),
};

const length = (name: string, unit: string, values: readonly number[]): Slot =>
  slot(
    name,
    values.map((value) => `${value} ${unit}`),
    { participle: ['lasting {v}'], predicate: ['lasts {v}', 'is {v} long', 'takes {v}'] },
  );

const genre = (...values: string[]): Slot =>
  slot('genre', values, { before: ['{v}'], predicate: ['belongs to the {v} genre'] }, true);

const sights: readonly Opening[] = [
  'there',
  'copula',
  'question',
  'subject',
  'participle',
  'condition',
  'apposition',
  'imperative',
];
const goods: readonly Opening[] = [
  'copula',
  'subject',
  'apposition',
  'condition',
  'imperative',
  'participle',
  'question',
];
const works: readonly Opening[] = [
  'copula',
  'apposition',
  'participle',
  'subject',
  'question',
  'imperative',
  'condition',
];
const known = ['known as', 'with the name'];

/** The domains that only pretraining sees; none has a name, a neighbour or a noun of the test domain. */
export const otherDomains: readonly Domain[] = [
  {
    names: ofKind('Hotel', 'Inn', 'Lodge', 'Guest House'),
    nouns: ['hotel'],
    type: {
      name: 'Type',
      nouns: {
        hotel: ['hotel'],
        'guest house': ['guest house'],
        hostel: ['hostel'],
        motel: ['motel', 'roadside hotel'],
      },
    },
    slots: [
      cost(' a night', '40', '60', '85', '120', '150', '210'),
      rating('guests'),
      area,
      familyFriendly,
      refreshments,
      yesNo(
        'breakfast',
        { after: ['with breakfast'], predicate: ['serves breakfast', 'includes breakfast'] },
        { after: ['without breakfast'], predicate: ['does not serve breakfast', 'has no breakfast'] },
      ),
      yesNo(
        'parking',
        { after: ['with free parking'], predicate: ['has a car park', 'offers parking'] },
        { predicate: ['has no parking', 'does not have a car park'] },
      ),
      near,
    ],
    called: known,
    advice: ['stay at', 'book a room at', 'sleep at'],
    openings: sights,
  },
  {
    names: model,
    nouns: ['laptop', 'computer', 'machine'],
    slots: [
      maker,
      price,
      slot('memory', ['4 GB', '8 GB', '16 GB', '32 GB'], {
        after: ['with {v} of memory'],
        predicate: ['has {v} of memory', 'comes with {v} of memory'],
      }),
      slot('battery', ['5 hours', '8 hours', '10 hours', '14 hours'], {
        after: ['with a battery life of {v}'],
        participle: ['running for {v} on a charge'],
        predicate: ['runs for {v} on one charge', 'has a battery life of {v}'],
      }),
      weight('1 kilogram', '4 kilograms', '2 kilograms', '3 kilograms'),
      slot('screen', ['13 inches', '14 inches', '15 inches', '17 inches'], {
        after: ['with a screen of {v}'],
        predicate: ['has a screen of {v}', 'measures {v} across'],
      }),
      slot(
        'use',
        ['business', 'gaming', 'school', 'travel'],
        {
          before: ['{v}'],
          after: ['for {v}'],
          participle: ['designed for {v}'],
          predicate: ['is made for {v}', 'is good for {v}'],
        },
        true,
      ),
      rating('owners'),
    ],
    called: known,
    advice: ['buy', 'choose', 'look at', 'go for'],
    openings: goods,
  },
  {
    names: titled,
    nouns: ['film', 'movie'],
    slots: [
      genre('comedy', 'horror', 'drama', 'crime', 'fantasy', 'science fiction'),
      person('director', 'directed'),
      year,
      length('length', 'minutes', [85, 90, 100, 110, 125, 140]),
      slot('language', ['English', 'French', 'Spanish', 'German', 'Korean', 'Swedish'], {
        after: ['in {v}'],
        predicate: ['is in {v}', 'was filmed in {v}'],
      }),
      rating('viewers'),
      familyFriendly,
    ],
    called: known,
    advice: ['watch', 'see', 'go and see'],
    openings: works,
  },
  {
    names: titled,
    nouns: ['book'],
    type: {
      name: 'Type',
      nouns: {
        novel: ['novel'],
        'story collection': ['collection of stories', 'story collection'],
        guide: ['guide', 'handbook'],
        biography: ['biography', 'life story'],
      },
    },
    slots: [
      person('author', 'written'),
      slot('subject', ['war', 'love', 'cooking', 'history', 'sailing', 'music', 'gardening'], {
        after: ['about {v}', 'on {v}'],
        participle: ['dealing with {v}'],
        predicate: ['is about {v}', 'tells of {v}', 'deals with {v}'],
      }),
      slot('pages', ['120', '180', '240', '300', '420', '600'], {
        after: ['of {v} pages', 'with {v} pages'],
        predicate: ['has {v} pages', 'runs to {v} pages'],
      }),
      year,
      price,
      rating('readers'),
    ],
    called: known,
    advice: ['read', 'pick up', 'borrow'],
    openings: works,
  },
  {
    names: ofKind('Museum', 'Gallery', 'Collection'),
    nouns: ['museum'],
    slots: [
      slot(
        'theme',
        ['art', 'science', 'chemistry', 'folklore', 'history', 'fashion'],
        { before: ['{v}'], after: ['about {v}'], predicate: ['is about {v}', 'is devoted to {v}'] },
        true,
      ),
      slot('entry', ['5 pounds', '9 pounds', '12 pounds'], {
        after: ['with an entry fee of {v}'],
        predicate: ['charges {v} for entry', 'has an entry fee of {v}'],
        sentence: ['entry is {v}'],
      }),
      slot('opening', ['9 in the morning', '10 in the morning', 'noon'], {
        participle: ['opening at {v}'],
        predicate: ['opens at {v}', 'is open from {v}'],
      }),
      slot('closed on', ['Monday', 'Tuesday', 'Sunday'], {
        participle: ['closed on {v}'],
        predicate: ['is closed on {v}', 'does not open on {v}'],
      }),
      refreshments,
      area,
      familyFriendly,
      near,
    ],
    called: known,
    advice: ['visit', 'go to', 'see'],
    openings: sights,
  },
  {
    names: model,
    nouns: ['phone', 'handset'],
    slots: [
      maker,
      cost('', '90', '150', '240', '390', '650'),
      colour,
      slot('camera', ['8 megapixels', '12 megapixels', '48 megapixels'], {
        after: ['with a camera of {v}'],
        predicate: ['has a camera of {v}', 'takes pictures of {v}'],
      }),
      has('storage', ['32 GB', '64 GB', '128 GB', '256 GB'], '{v} of storage'),
      yesNo(
        'waterproof',
        { before: ['waterproof'], predicate: ['is waterproof', 'survives the rain'] },
        { predicate: ['is not waterproof', 'must be kept dry'] },
      ),
      rating('users'),
    ],
    called: known,
    advice: ['buy', 'get', 'consider'],
    openings: goods,
  },
  {
    names: model,
    nouns: ['car'],
    type: {
      name: 'Type',
      nouns: {
        van: ['van'],
        'sports car': ['sports car'],
        estate: ['estate car'],
        'small car': ['small car', 'compact car'],
      },
    },
    slots: [
      slot(
        'fuel',
        ['petrol', 'diesel', 'electric'],
        { before: ['{v}'], predicate: ['has {v} power', 'uses {v} power'] },
        true,
      ),
      colour,
      slot('seats', ['2', '4', '5', '7'], {
        after: ['with {v} seats'],
        participle: ['seating {v}'],
        predicate: ['has {v} seats', 'has room for {v} people'],
      }),
      slot('top speed', ['90 miles an hour', '110 miles an hour', '140 miles an hour'], {
        after: ['with a top speed of {v}'],
        predicate: ['reaches {v}', 'has a top speed of {v}'],
      }),
      price,
      year,
      rating('drivers'),
    ],
    called: known,
    advice: ['drive', 'buy', 'test'],
    openings: goods,
  },
  {
    names: (random) =>
      random.pick(['Introduction to ', 'Advanced ', 'Practical ', 'Modern ', 'Everyday ']) +
      random.pick([
        'Chemistry',
        'Drawing',
        'Geometry',
        'Latin',
        'Law',
        'Logic',
        'Music',
        'Physics',
        'Pottery',
        'Statistics',
        'Writing',
      ]),
    nouns: ['course', 'class'],
    slots: [
      slot(
        'level',
        ['beginner', 'intermediate', 'expert'],
        { before: ['{v}'], after: ['at {v} level'], predicate: ['is at {v} level', 'is aimed at the {v}'] },
        true,
      ),
      slot('teacher', people, {
        after: ['with {v}'],
        participle: ['taught by {v}'],
        predicate: ['is taught by {v}', 'is led by {v}'],
        sentence: ['{v} teaches {it}'],
      }),
      slot('day', ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'], {
        after: ['on {v}'],
        predicate: ['takes place on {v}', 'meets every {v}'],
      }),
      length('duration', 'weeks', [4, 6, 8, 10, 12]),
      cost('', '30', '75', '110', '200'),
      rating('students'),
    ],
    called: known,
    advice: ['take', 'sign up for', 'join'],
    openings: goods,
  },
  {
    names: ofKind('Court', 'Place', 'Mansions', 'Terrace'),
    nouns: ['flat', 'apartment', 'home'],
    slots: [
      slot('rooms', ['2', '3', '4', '5'], {
        after: ['with {v} rooms'],
        predicate: ['has {v} rooms', 'offers {v} rooms'],
      }),
      cost(' a month', '450', '600', '800', '950', '1200'),
      slot('floor', ['ground', 'first', 'second', 'third', 'top'], {
        after: ['on the {v} floor'],
        predicate: ['is on the {v} floor'],
      }),
      yesNo(
        'pets',
        { after: ['where pets are allowed'], predicate: ['allows pets', 'accepts cats and dogs'] },
        { predicate: ['does not allow pets', 'accepts no animals'], sentence: ['pets are not allowed'] },
      ),
      yesNo(
        'balcony',
        { after: ['with a balcony'], predicate: ['has a balcony'] },
        { after: ['without a balcony'], predicate: ['has no balcony'] },
      ),
      area,
      near,
    ],
    called: known,
    advice: ['rent', 'view', 'take a look at'],
    openings: sights,
  },
  {
    names: model,
    nouns: ['bicycle', 'bike'],
    type: {
      name: 'Type',
      nouns: {
        'mountain bike': ['mountain bike'],
        'road bike': ['road bike', 'racing bike'],
        'city bike': ['city bike'],
      },
    },
    slots: [
      maker,
      slot('gears', ['3', '7', '18', '21'], {
        after: ['with {v} gears'],
        predicate: ['has {v} gears', 'is fitted with {v} gears'],
      }),
      slot('frame', ['steel', 'aluminium', 'carbon'], {
        after: ['with a frame of {v}', 'made of {v}'],
        predicate: ['is built of {v}', 'has a frame of {v}'],
      }),
      colour,
      weight('8 kilograms', '11 kilograms', '14 kilograms', '16 kilograms'),
      price,
      rating('riders'),
    ],
    called: known,
    advice: ['ride', 'buy', 'try out'],
    openings: goods,
  },
  {
    names: titled,
    nouns: ['album', 'record'],
    slots: [
      genre('jazz', 'folk', 'rock', 'soul', 'classical', 'pop'),
      person('artist', 'recorded'),
      slot('tracks', ['8', '10', '12', '15'], {
        after: ['of {v} songs', 'with {v} tracks'],
        predicate: ['has {v} tracks', 'contains {v} songs'],
      }),
      year,
      rating('listeners'),
    ],
    called: known,
    advice: ['listen to', 'play', 'hear'],
    openings: works,
  },
  {
    names: titled,
    nouns: ['game', 'board game'],
    slots: [
      slot('players', ['2', '3', '4', '6', '8'], {
        after: ['for {v} players'],
        predicate: ['needs {v} players', 'is for {v} players'],
        sentence: ['up to {v} people can play {it}'],
      }),
      slot('age', ['6', '8', '10', '14'], {
        after: ['for players from {v} years'],
        predicate: ['suits players of {v} and over', 'is for ages {v} and up'],
      }),
      length('duration', 'minutes', [20, 30, 45, 60, 90]),
      slot('difficulty', ['easy', 'hard', 'tricky', 'simple'], {
        before: ['{v}'],
        predicate: ['is {v} to learn', 'is {v} to play'],
      }),
      price,
      familyFriendly,
      rating('players'),
    ],
    called: known,
    advice: ['play', 'buy'],
    openings: works,
  },
  {
    names: ofKind('Gym', 'Sports Club', 'Fitness Centre'),
    nouns: ['gym'],
    slots: [
      cost(' a month', '15', '25', '35', '50'),
      yesNo(
        'pool',
        { after: ['with a pool'], predicate: ['has a swimming pool'] },
        { after: ['without a pool'], predicate: ['has no pool'] },
      ),
      slot('opening', ['5 in the morning', '6 in the morning', '7 in the morning'], {
        participle: ['opening at {v}'],
        predicate: ['opens at {v}'],
      }),
      size('small', 'large', 'huge'),
      area,
      rating('members'),
      near,
    ],
    called: known,
    advice: ['join', 'train at', 'go to'],
    openings: sights,
  },
  {
    names: ofKind('Gardens', 'Park', 'Meadow'),
    nouns: ['garden', 'park'],
    slots: [
      size('small', 'large', 'vast'),
      slot(
        'style',
        ['formal', 'rose', 'water', 'herb', 'wild'],
        { before: ['{v}'], predicate: ['is laid out in the {v} style'] },
        true,
      ),
      slot('best season', ['spring', 'summer', 'autumn', 'winter'], {
        predicate: ['is at its best in {v}', 'looks finest in {v}'],
        sentence: ['{v} is the best time to see {it}'],
      }),
      yesNo(
        'dogs',
        { after: ['where dogs may run'], predicate: ['allows dogs'] },
        { predicate: ['does not allow dogs'], sentence: ['dogs must stay outside'] },
      ),
      area,
      familyFriendly,
      near,
    ],
    called: known,
    advice: ['walk in', 'visit', 'go to'],
    openings: sights,
  },
  {
    names: ofKind('Cookery School', 'Academy', 'Cooking Club'),
    nouns: ['cookery school', 'school'],
    slots: [kitchen('teaches', 'teaching'), spending('a lesson'), opinion, town, kids, near],
    called: ['called', 'named', ...known],
    advice: ['learn at', 'book a lesson at', 'try'],
    openings: sights,
  },
  {
    names: ofKind('Stores', 'Market', 'Delicatessen', 'Bakery'),
    nouns: ['shop', 'establishment'],
    type: {
      name: 'Type',
      nouns: {
        bakery: ['bakery', 'bakery and cafe'],
        shop: ['shop', 'food shop'],
        stall: ['stall', 'food stall'],
      },
    },
    slots: [kitchen('sells', 'selling'), spending('a basket of food'), opinion, town, kids, near],
    called: ['called', 'by the name of', ...known],
    advice: ['visit', 'head to', 'shop at'],
    openings: sights,
  },
  {
    names: ofKind('Festival', 'Fair', 'Evening', 'Feast'),
    nouns: ['festival', 'event', 'venue'],
    slots: [kitchen('offers', 'offering'), spending('dinner'), opinion, town, kids, near],
    called: ['called', 'named', ...known],
    advice: ['go to', 'eat at', 'book a table at'],
    openings: sights,
  },
];
