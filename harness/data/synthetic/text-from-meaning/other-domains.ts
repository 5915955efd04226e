/**
 * The domains (hotels, phones, films, …) of the pairs that built-in bases are pretrained on; E2E's built-in
 * data must use none of them.
 */
import type { Domain, Opening } from './domain.ts';
import { kids, kitchen, opinion, refreshments, spending, town } from './eating-slots.ts';
import { model, ofKind, people, titled } from './names.ts';
import {
  area,
  colour,
  cost,
  familyFriendly,
  genre,
  has,
  length,
  maker,
  near,
  person,
  price,
  rating,
  size,
  slot,
  weight,
  year,
  yesNo,
} from './other-slots.ts';

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

/** The domains that only pretraining uses; none shares a name, a neighbour or a noun with the test domain. */
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
