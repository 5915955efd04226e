/**
 * The test domain: restaurants with E2E's slots, of which the built-in E2E data is made. Bases must not be
 * pretrained on it.
 */
import type { Domain, Slot } from './domain.ts';

/** Parts of the test domain's invented names; no other domain has these names or the neighbours below. */
const adjectives = [
  'Copper',
  'Crooked',
  'Salted',
  'Painted',
  'Wandering',
  'Hungry',
  'Rusty',
  'Lazy',
  'Singing',
  'Merry',
];
const nouns = [
  'Ladle',
  'Fork',
  'Kettle',
  'Otter',
  'Pepper',
  'Radish',
  'Skillet',
  'Goose',
  'Teapot',
  'Lobster',
];
const owners = [
  'Marlow',
  'Benito',
  'Fenwick',
  'Saffron',
  'Odell',
  'Juniper',
  'Tamsin',
  'Quill',
  'Rosalba',
  'Hedley',
];
const rooms = ['Kitchen', 'Table', 'Pantry', 'Grill', 'Larder', 'Plate'];

/** All names of restaurants; sets/e2e/synthetic.ts draws each split's names from them. */
export const restaurantNames: readonly string[] = [
  ...adjectives.flatMap((adjective) => nouns.map((noun) => `The ${adjective} ${noun}`)),
  ...owners.flatMap((owner) => rooms.map((room) => `${owner} ${room}`)),
];

/** Neighbours that every split may name. */
const neighbours = [
  'Corn Hall',
  'the Mermaid Theatre',
  'Hobday Station',
  'the Old Tannery',
  'Pinder Library',
  'the Lantern Hotel',
  'Weaver Bridge',
  'the Clock Museum',
  'Garland Arcade',
  'the Fish Steps',
  'Bartle College',
  'the Glass Dome',
  'Tinker Lane',
  'the Rope Walk',
];
/** Neighbours that only the test split names. */
const unseenNeighbours = ['Sexton Gate', 'the Marble Baths', 'Dunnock Park', 'the Salt Cellars'];

const area: Slot = {
  name: 'area',
  isPlace: true,
  values: {
    riverside: {
      after: [
        'by the river',
        'in the riverside area',
        'on the river bank',
        'beside the river',
        'on the riverside',
      ],
      participle: ['situated on the river bank', 'located by the river', 'set beside the water'],
      predicate: [
        'can be found on the river bank',
        'is by the river',
        'is located in the riverside area',
        'looks out over the river',
      ],
    },
    'city centre': {
      after: [
        'in the heart of the city',
        'in the city centre',
        'in the centre of the city',
        'in the middle of town',
      ],
      participle: [
        'situated in the heart of the city',
        'located in the city centre',
        'found right in the centre',
      ],
      predicate: [
        'is located in the heart of the city',
        'is in the city centre',
        'can be found in the middle of town',
        'has a central location',
      ],
    },
    'market square': {
      after: [
        'on the square',
        'on the market square',
        'in the market square area',
        'among the market stalls',
      ],
      participle: ['situated right on the square', 'located on the market square'],
      predicate: [
        'looks out over the market',
        'is on the market square',
        'can be found on the square',
        'is located in the market square area',
      ],
    },
  },
};

const near: Slot = {
  name: 'near',
  isPlace: true,
  values: Object.fromEntries(
    [...neighbours, ...unseenNeighbours].map((name) => [
      name,
      {
        after: ['just around the corner from {v}', 'near {v}', 'close to {v}', "a stone's throw from {v}"],
        participle: ['tucked away behind {v}', 'located near {v}', 'situated close to {v}'],
        predicate: [
          'is just around the corner from {v}',
          'is near {v}',
          'is located close to {v}',
          'can be found near {v}',
        ],
      },
    ]),
  ),
};

const food: Slot = {
  name: 'food',
  isKind: true,
  values: {
    Italian: {
      before: ['Italian', 'pasta'],
      participle: ['offering pasta and pizza', 'serving Italian food'],
      predicate: [
        'serves pasta and pizza',
        'serves Italian food',
        'has an Italian menu',
        'cooks Italian dishes',
      ],
      sentence: ['the pasta {here} is made by hand'],
    },
    French: {
      before: ['French'],
      participle: ['offering classic French dishes', 'serving French food'],
      predicate: [
        'offers classic French cooking',
        'serves French food',
        'has a French chef',
        'has a French menu',
      ],
      sentence: ['the cooking {here} is French'],
    },
    Indian: {
      before: ['Indian', 'curry'],
      participle: ['offering curries and naan', 'serving Indian food'],
      predicate: [
        'serves curries and naan',
        'serves Indian food',
        'has an Indian menu',
        'cooks spicy Indian dishes',
      ],
      sentence: ['curry is what {it} does best'],
    },
    Chinese: {
      before: ['Chinese', 'noodle'],
      participle: ['offering noodles and dumplings', 'serving Chinese food'],
      predicate: [
        'serves noodles and dumplings',
        'serves Chinese food',
        'has a Chinese menu',
        'cooks Chinese dishes',
      ],
      sentence: ['the dumplings {here} are Chinese'],
    },
    Japanese: {
      before: ['Japanese', 'sushi'],
      participle: ['offering sushi and ramen', 'serving Japanese food'],
      predicate: [
        'serves sushi and ramen',
        'serves Japanese food',
        'has a Japanese menu',
        'offers fresh sushi',
      ],
      sentence: ['the sushi {here} is made to order'],
    },
    English: {
      before: ['English', 'British'],
      participle: ['offering roasts and pies', 'serving English food'],
      predicate: [
        'serves roasts and pies',
        'serves English food',
        'has a traditional English menu',
        'cooks British dishes',
      ],
      sentence: ['the menu {here} is full of English roasts'],
    },
    'fast food': {
      before: ['fast food', 'burger'],
      participle: ['offering burgers and fries', 'serving fast food'],
      predicate: [
        'sells burgers and fries',
        'serves fast food',
        'has a fast food menu',
        'offers quick meals',
      ],
      sentence: ['the burgers {here} come fast'],
    },
  },
};

const price: Slot = {
  name: 'price',
  values: {
    cheap: {
      tone: 1,
      before: ['low-priced', 'cheap', 'inexpensive'],
      after: ['with low prices', 'with cheap meals'],
      predicate: ['is easy on the wallet', 'has low prices', 'is cheap', 'keeps its prices down'],
      sentence: ['a meal {here} is cheap', 'nobody pays much {here}'],
    },
    moderate: {
      before: ['mid-priced', 'moderately priced'],
      after: ['with moderate prices', 'with a moderate price range'],
      predicate: [
        'is neither cheap nor expensive',
        'has moderate prices',
        'is moderately priced',
        'has a mid-range menu',
      ],
      sentence: ['prices {here} are moderate'],
    },
    high: {
      tone: -1,
      before: ['pricey', 'expensive', 'high-priced'],
      after: ['with high prices', 'with a high price range'],
      predicate: ['is on the expensive side', 'has high prices', 'is expensive', 'asks a high price'],
      sentence: ['bring a full purse, for {it} is expensive', 'a meal {here} does not come cheap'],
    },
    'under 20 pounds': {
      tone: 1,
      after: ['with meals for less than 20 pounds', 'with dishes under 20 pounds'],
      participle: ['charging less than 20 pounds', 'priced under 20 pounds a head'],
      predicate: [
        'charges less than 20 pounds a head',
        'has meals for under 20 pounds',
        'costs less than 20 pounds',
      ],
      sentence: ['a meal {here} is less than 20 pounds', 'a dinner {here} is under 20 pounds'],
    },
    '20 to 25 pounds': {
      after: ['with meals for 20 to 25 pounds', 'with a price range of 20 to 25 pounds'],
      participle: ['charging 20 to 25 pounds', 'priced between 20 and 25 pounds a head'],
      predicate: [
        'charges 20 to 25 pounds a head',
        'has meals for 20 to 25 pounds',
        'costs between 20 and 25 pounds',
      ],
      sentence: ['diners pay 20 to 25 pounds {here}'],
    },
    'over 30 pounds': {
      tone: -1,
      after: ['with meals for more than 30 pounds', 'with dishes over 30 pounds'],
      participle: ['charging more than 30 pounds', 'priced over 30 pounds a head'],
      predicate: [
        'charges more than 30 pounds a head',
        'has meals for over 30 pounds',
        'costs more than 30 pounds',
      ],
      sentence: ['diners pay more than 30 pounds {here}', 'a dinner {here} is over 30 pounds'],
    },
  },
};

const rating: Slot = {
  name: 'customer rating',
  values: {
    high: {
      tone: 1,
      before: ['popular', 'highly rated'],
      after: ['with happy customers', 'with a high customer rating'],
      participle: ['loved by its customers', 'highly rated by its guests'],
      predicate: ['is popular with diners', 'has a high customer rating', 'is highly rated by its guests'],
      sentence: ['diners think highly of {it}', 'customers love {it}'],
    },
    average: {
      before: ['average'],
      after: ['with an average customer rating', 'with average reviews'],
      participle: ['rated average by its guests'],
      predicate: ['gets mixed reviews', 'has an average customer rating', 'is rated average by its guests'],
      sentence: ['diners find {it} average', 'opinions of {it} are mixed'],
    },
    low: {
      tone: -1,
      before: ['unpopular', 'poorly rated'],
      after: ['with poor reviews', 'with a low customer rating'],
      participle: ['poorly rated by its guests'],
      predicate: ['gets poor reviews', 'has a low customer rating', 'is poorly rated by its guests'],
      sentence: ['diners think little of {it}', 'customers do not like {it} much'],
    },
    '5 out of 5': {
      tone: 1,
      before: ['top-rated', 'five-star'],
      after: ['with a customer rating of 5 out of 5', 'with a perfect customer rating'],
      participle: ['rated 5 out of 5', 'given 5 out of 5 by its guests'],
      predicate: [
        'earns full marks from its guests',
        'has a customer rating of 5 out of 5',
        'is rated 5 out of 5 by diners',
      ],
      sentence: ['customers give {it} 5 out of 5', 'diners rate {it} 5 out of 5'],
    },
    '3 out of 5': {
      before: ['three-star'],
      after: ['with a customer rating of 3 out of 5'],
      participle: ['rated 3 out of 5', 'given 3 out of 5 by its guests'],
      predicate: [
        'earns three stars',
        'has a customer rating of 3 out of 5',
        'is rated 3 out of 5 by diners',
      ],
      sentence: ['customers give {it} 3 out of 5', 'diners rate {it} 3 out of 5'],
    },
    '1 out of 5': {
      tone: -1,
      before: ['one-star'],
      after: ['with a customer rating of 1 out of 5'],
      participle: ['rated 1 out of 5', 'given only 1 out of 5 by its guests'],
      predicate: [
        'earns only one star',
        'has a customer rating of 1 out of 5',
        'is rated 1 out of 5 by diners',
      ],
      sentence: ['customers give {it} only 1 out of 5', 'diners rate {it} 1 out of 5'],
    },
  },
};

const familyFriendly: Slot = {
  name: 'family friendly',
  values: {
    yes: {
      tone: 1,
      before: ['kid-friendly', 'family-friendly', 'child-friendly'],
      after: ['where children are welcome', 'for the whole family'],
      participle: ['welcoming families'],
      predicate: [
        'is a good place to take the kids',
        'welcomes families',
        'is family-friendly',
        'has a menu for children',
      ],
      sentence: ['children are welcome {here}', 'you can bring the kids', 'families are welcome {here}'],
    },
    no: {
      tone: -1,
      before: ['adults-only'],
      after: ['for adults only', 'where children are not allowed'],
      participle: ['closed to children'],
      predicate: [
        'is no place for kids',
        'is not family-friendly',
        'is not suitable for children',
        'does not welcome families',
        'is for adults only',
      ],
      sentence: [
        'leave the children at home',
        'children are not allowed',
        '{it} is not the place to take the kids',
      ],
    },
  },
};

/**
 * The test domain, with E2E's slots. Most of its phrases occur in no other domain, so a base has to learn
 * them from the training split.
 */
export const restaurants: Domain = {
  names: (random) => random.pick(restaurantNames),
  type: {
    name: 'Type',
    nouns: {
      pub: ['pub', 'pub', 'tavern'],
      'coffee shop': ['coffee shop', 'coffee shop', 'cafe'],
      restaurant: ['restaurant', 'restaurant', 'eatery'],
    },
  },
  nouns: ['place', 'venue', 'establishment', 'spot'],
  slots: [food, price, rating, area, familyFriendly, near],
  called: ['called', 'named', 'by the name of'],
  advice: ['try', 'visit', 'head to', 'eat at', 'book a table at'],
  openings: [
    'copula',
    'copula',
    'copula',
    'there',
    'there',
    'there',
    'subject',
    'subject',
    'apposition',
    'apposition',
    'participle',
    'condition',
    'question',
    'imperative',
  ],
};

/** Values that occur in the test split only. */
export const unseenValues: ReadonlySet<string> = new Set(unseenNeighbours);
