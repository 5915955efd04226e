import type { SeededRandom } from '../random.ts';
import { sameWay, type Domain, type Opening, type Slot, type Value } from './domain.ts';

/** Syllables of invented names. */
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
const middles = ['a', 'e', 'i', 'o', 'an', 'er', 'in', 'ol'];
const ends = [
  'da',
  'dor',
  'len',
  'mar',
  'mont',
  'na',
  'ra',
  'ric',
  'ston',
  'ta',
  'tis',
  'vale',
  'via',
  'wick',
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

const coined = (random: SeededRandom): string =>
  random.pick(starts) + random.pick(middles) + random.pick(ends);
const phrase = (random: SeededRandom): string => `${random.pick(descriptions)} ${random.pick(things)}`;
const titled = (random: SeededRandom): string => (random.chance(0.7) ? 'The ' : '') + phrase(random);
const model = (random: SeededRandom): string =>
  `${coined(random)} ${random.pick(['One', 'Pro', 'Mini', 'Plus', '200', '350', '7', 'X', 'S', 'Max', 'Air', 'Go'])}`;
const ofKind =
  (...kinds: string[]) =>
  (random: SeededRandom): string =>
    `${random.chance(0.5) ? coined(random) : phrase(random)} ${random.pick(kinds)}`;

const landmarks = descriptions.flatMap((description) =>
  ['Park', 'Square', 'Church'].map((kind) => `${description} ${kind}`),
);
const streets = starts.flatMap((start) =>
  ['Station', 'Street', 'Stadium'].map((kind) => `${start}ton ${kind}`),
);

const near: Slot = {
  name: 'near',
  isPlace: true,
  values: sameWay([...landmarks, ...streets], {
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

/** The domains that only pretraining sees; none has a name or a neighbour of the test domain. */
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
];
