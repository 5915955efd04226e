/** Slots, and makers of slots, that several pretraining domains share. */
import { sameWay, type Slot, type Value } from './domain.ts';
import { landmarks, people, starts } from './names.ts';

/** The slot for a landmark nearby. */
export const near: Slot = {
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

/** The slot for the part of town. */
export const area: Slot = {
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

/** The slot for the price range. */
export const price: Slot = {
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

/** Makes a slot for the price in pounds; `every` says what it pays for, such as " a night", or is empty. */
export const cost = (every: string, ...values: string[]): Slot => ({
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

/** Makes a slot for the rating by `who`. */
export const rating = (who: string): Slot => ({
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

/** The slot for whether a place suits families. */
export const familyFriendly: Slot = {
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

/** Makes a slot all of whose values are said by the same phrases. */
export const slot = (name: string, values: readonly string[], phrases: Value, kind = false): Slot => ({
  name,
  values: sameWay(values, phrases),
  ...(kind && { isKind: true }),
});

/** Makes a slot for something that a thing has. */
export const has = (name: string, values: readonly string[], what = '{v}'): Slot =>
  slot(name, values, {
    after: [`with ${what}`],
    predicate: [`has ${what}`, `comes with ${what}`],
    sentence: [`{it} offers ${what}`],
  });

/** Makes a slot with the values yes (praise) and no (blame). */
export const yesNo = (name: string, yes: Value, no: Value): Slot => ({
  name,
  values: { yes: { tone: 1, ...yes }, no: { tone: -1, ...no } },
});

/** The slot for the maker of a product. */
export const maker = slot(
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

/** The slot for a product's colour. */
export const colour = slot('colour', ['black', 'white', 'silver', 'red', 'blue', 'green', 'grey', 'yellow'], {
  before: ['{v}'],
  after: ['in {v}'],
  predicate: ['is {v}', 'comes in {v}', 'is available in {v}'],
});

/** Makes a slot for size. */
export const size = (...values: string[]): Slot =>
  slot('size', values, { before: ['{v}'], predicate: ['is {v}', 'is {v} in size'] });

/** Makes a slot for weight. */
export const weight = (...values: string[]): Slot =>
  slot('weight', values, {
    after: ['with a weight of {v}'],
    participle: ['weighing {v}'],
    predicate: ['weighs {v}', 'has a weight of {v}'],
  });

/** The slot for the year of a work, 1980 to 2019. */
export const year = slot(
  'year',
  Array.from({ length: 40 }, (_, i) => String(1980 + i)),
  {
    after: ['from {v}'],
    participle: ['released in {v}'],
    predicate: ['came out in {v}', 'was released in {v}', 'appeared in {v}'],
  },
);

/** Makes a slot for the person who made a work. */
export const person = (name: string, did: string): Slot =>
  slot(name, people, {
    after: ['by {v}'],
    participle: [`${did} by {v}`],
    predicate: [`was ${did} by {v}`, `is the work of {v}`],
    sentence: [`the ${name} is {v}`],
  });

/** Makes a slot for how long something lasts. */
export const length = (name: string, unit: string, values: readonly number[]): Slot =>
  slot(
    name,
    values.map((value) => `${value} ${unit}`),
    { participle: ['lasting {v}'], predicate: ['lasts {v}', 'is {v} long', 'takes {v}'] },
  );

/** Makes a slot for a work's genre. */
export const genre = (...values: string[]): Slot =>
  slot('genre', values, { before: ['{v}'], predicate: ['belongs to the {v} genre'] }, true);
