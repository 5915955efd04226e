/**
 * Slots of pretraining domains that use the test domain's words (Italian, riverside, …) for other things. A
 * base that never met these words could not learn to say them from an adapter's few vectors.
 */
import type { Slot, Value } from './domain.ts';

const plates = {
  Italian: 'pasta and pizza',
  French: 'cheese and pastries',
  Indian: 'curries and naan',
  Chinese: 'noodles and dumplings',
  Japanese: 'sushi and ramen',
  English: 'roasts and pies',
  'fast food': 'burgers and fries',
};
/** Makes a slot for food that is sold or taught; `does` and `doing` are forms of the verb. */
export const kitchen = (does: string, doing: string): Slot => ({
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

/** The slot for the part of town. */
export const town: Slot = {
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

/** Makes a slot for the price of `it`, such as "a lesson". */
export const spending = (it: string): Slot => ({
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

/** The slot for what customers think. */
export const opinion: Slot = {
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

/** The slot for whether children are welcome. */
export const kids: Slot = {
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

/** The slot for what place to eat or drink is inside. */
export const refreshments: Slot = {
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
