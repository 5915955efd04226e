/** Makes the built-in data of QNLI: questions with sentences that answer them or do not. */
import { a, participle, past, plural, question, sentence } from './grammar.ts';
import { dealing, person, someone, type World } from './world.ts';
import { kinds, numbers } from './words.ts';

/** Actions on works: a verb, its synonym, and the works that it fits. */
const works = [
  ['build', 'construct', ['bridge', 'tower', 'theater', 'hospital', 'library', 'palace', 'chapel', 'museum']],
  ['paint', 'paint', ['portrait', 'ceiling', 'landscape', 'fresco', 'chapel', 'theater', 'banner', 'mural']],
  ['write', 'write', ['novel', 'poem', 'song', 'opera', 'play', 'essay', 'hymn', 'dictionary']],
  [
    'found',
    'establish',
    ['school', 'hospital', 'newspaper', 'library', 'museum', 'company', 'orchestra', 'college'],
  ],
  ['restore', 'restore', ['bridge', 'tower', 'theater', 'chapel', 'palace', 'portrait', 'fresco', 'mural']],
  ['sell', 'sell', ['portrait', 'newspaper', 'company', 'palace', 'landscape', 'theater', 'hotel', 'farm']],
] as const;

type Slot = 'who' | 'when' | 'where' | 'howMany' | 'why';
type Construction = (w: World) => {
  readonly question: string;
  readonly answers: readonly string[];
  readonly others: readonly string[];
};

const year = (w: World): string => `in ${1800 + w.random.int(200)}`;
const full = (w: World): string => `${person(w).name} ${w.pick(w.domain.surnames)}`;
const reasons = [
  'after a fire',
  'after a flood',
  'because the town needed money',
  'because the king wished it',
  'because visitors had asked for it',
  'because nobody had done it before',
  'in honor of the queen',
  'to please the citizens',
];

const constructions: readonly Construction[] = [
  // A work: by whom, when and why it was made.
  (w) => {
    const [verb, synonym, things] = w.pick(works);
    const thing = w.random.pick(things);
    const rivals = works.filter(
      ([known, , list]) => known !== verb && (list as readonly string[]).includes(thing),
    );
    const rival =
      rivals.length > 0
        ? w.random.pick(rivals)[0]
        : w.pick(['buy', 'describe', 'admire', 'study', 'criticize', 'discover', 'praise', 'mention']);
    const [town, person] = [w.pick(w.domain.towns), full(w)];
    const what = `the ${thing} in ${town}`;
    const again = w.random.chance(0.5) ? synonym : verb;
    const slot = w.random.pick<Slot>(['who', 'when', 'why']);
    const asks: Record<string, string> = {
      who: question('who', past(again), what),
      when: question('when was', what, participle(again)),
      why: question('why was', what, participle(again)),
    };
    const told = (did: string, known: boolean, about: string): readonly string[] => {
      // A sentence that omits the answer gives another detail instead, so that its length does not tell the
      // class.
      const [filled, unfilled] = {
        who: [
          [`by ${person}`, year(w)],
          [year(w), w.pick(reasons)],
        ],
        when: [
          [year(w), `by ${person}`],
          [`by ${person}`, w.pick(reasons)],
        ],
        why: [
          [w.pick(reasons), `by ${person}`],
          [`by ${person}`, year(w)],
        ],
      }[slot as 'who' | 'when' | 'why'] as [string[], string[]];
      const parts = known ? filled : unfilled;
      const late = parts.filter((part) => /^(because|after|in honor|to)/.test(part));
      const early = parts.filter((part) => !/^(because|after|in honor|to)/.test(part));
      return [sentence(about, 'was', participle(did), ...w.random.shuffle(early), ...late)];
    };
    const active = (did: string) =>
      sentence(year(w) + ',', person, past(did), what, slot === 'why' ? w.pick(reasons) : '');
    const elsewhere = `the ${thing} in ${w.other(w.domain.towns, town)}`;
    const sibling = `the ${w.other<string>(things, thing)} in ${town}`;
    return {
      question: asks[slot]!,
      answers: [...told(verb, true, what), ...told(verb, true, what), active(verb)],
      others: [
        ...told(verb, false, what),
        ...told(rival, true, what),
        active(rival),
        ...told(verb, true, elsewhere),
        ...told(verb, true, sibling),
      ],
    };
  },
  // Deeds between two people: who and whom.
  (w) => {
    const [one, deal] = [someone(w), dealing(w)];
    const other = someone(w, one);
    let rival = dealing(w);
    while (rival.verb === deal.verb) rival = dealing(w);
    const where = w.pick(w.domain.places);
    const [time, again] = [w.pick(w.domain.times), w.random.pick([deal.verb, ...deal.synonyms])];
    const asks = w.random.int(4);
    const told = (x: string, did: string, y: string, when = time): string[] => [
      sentence(x, past(did), y, asks === 2 ? where : when),
      sentence(y, 'was', participle(did), 'by', x, asks === 2 ? where : when),
    ];
    const bare = (x: string, y: string): string => sentence(x, past(deal.verb), y, asks === 2 ? time : where);
    const asked = [
      question('who', past(again), other),
      question('whom did', one, again),
      question('where did', one, again, other),
      question('when did', one, again, other),
    ][asks]!;
    const third = someone(w, one, other);
    return {
      question: asked,
      answers: told(one, deal.verb, other),
      others: [
        ...told(one, rival.verb, other),
        ...(asks < 2
          ? told(other, deal.verb, third).map((text) =>
              asks === 0 ? text : sentence(third, past(deal.verb), one, time),
            )
          : [bare(one, other), bare(one, other), bare(one, other)]),
        ...(asks < 2 ? [] : told(third, deal.verb, other)),
      ],
    };
  },
  // Counts.
  (w) => {
    const kind = w.pick([
      'instrument',
      'animal',
      'bird',
      'flower',
      'boat',
      'jewel',
      'vehicle',
      'garment',
    ] as const);
    const thing = w.pick<string>(kinds[kind]);
    const other = w.other<string>(kinds[kind], thing);
    const [who, count] = [full(w), w.pick(numbers)];
    const verb = w.pick(['buy', 'sell', 'find', 'lose', 'keep', 'collect', 'draw', 'count']);
    const rival = w.other(['buy', 'sell', 'find', 'lose', 'keep', 'collect', 'draw', 'count'], verb);
    const town = w.pick(w.domain.towns);
    const say = (number: string, did: string, what: string, x = who) =>
      sentence(x, past(did), number, plural(what), 'in', town, year(w));
    return {
      question: question('how many', plural(thing), 'did', who, verb, 'in', town),
      answers: [
        say(count, verb, thing),
        sentence('in', `${town},`, who, past(verb), count, plural(thing), 'and some', plural(other)),
      ],
      others: [
        say(count, rival, thing),
        say(count, verb, other),
        say('many', verb, thing),
        sentence('in', `${town},`, who, past(verb), count, plural(other), 'and some', plural(thing)),
        say(count, verb, thing, full(w)),
      ],
    };
  },
  // Occupations and homes.
  (w) => {
    const [who, role, town] = [full(w), w.other(w.domain.roles, 'student'), w.pick(w.domain.towns)];
    const other = full(w);
    const second = w.other(w.domain.towns, town);
    const asks = w.random.int(3);
    const [born, lived, worked] = [`was born in ${town}`, `lived in ${second}`, `worked as ${a(role)}`];
    const asked = [
      question('where was', who, 'born'),
      question('where did', who, 'live'),
      question('what was the job of', who),
    ][asks]!;
    const [right, wrongs] = [
      [born, [lived, worked]],
      [lived, [born, worked]],
      [worked, [born, lived]],
    ][asks] as [string, string[]];
    const when = w.pick([
      'for a long time',
      'as everyone knows',
      'like many others',
      'according to the letters',
      'as far as we know',
      'by all accounts',
    ]);
    const say = (x: string, did: string) => sentence(`${when},`, x, did);
    const both = (x: string, y: string) => sentence(who, x, `and ${other}`, y);
    return {
      question: asked,
      answers: [say(who, right), both(right, wrongs[0]!), both(right, wrongs[1]!)],
      others: [
        say(who, w.random.pick(wrongs)),
        say(other, right),
        both(wrongs[0]!, right),
        both(wrongs[1]!, right),
      ],
    };
  },
];

/**
 * Makes QNLI's question with a sentence that answers it (0) or tells something else about the same things
 * (1).
 */
export function qnli(w: World, label: number): readonly string[] {
  const { question, answers, others } = w.random.pick(constructions)(w);
  return [question, w.random.pick(label === 0 ? answers : others)];
}
