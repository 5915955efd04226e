/** Makes the built-in data of CoLA: acceptable sentences and unacceptable ones. */
import { a, ing, participle, past, plural, question, sentence, third } from './grammar.ts';
import { deed, person, someone, type World } from './world.ts';
import { comparatives, kinds, opposites } from './words.ts';

/**
 * Makes an unacceptable and an acceptable sentence. Across many pairs, the deciding words occur equally often
 * in both, so only their combination tells the class.
 */
type Construction = (w: World) => readonly [bad: string, good: string];

const women = [
  'girl',
  'woman',
  'mother',
  'aunt',
  'queen',
  'sister',
  'niece',
  'daughter',
  'actress',
  'princess',
];
const men = ['boy', 'man', 'father', 'uncle', 'king', 'brother', 'nephew', 'son', 'actor', 'prince'];
/** Verbs whose past differs from their participle, each with an object. */
const strong = [
  ['write', 'letter'],
  ['steal', 'jewel'],
  ['hide', 'document'],
  ['drive', 'vehicle'],
  ['eat', 'fruit'],
  ['choose', 'garment'],
  ['break', 'instrument'],
  ['see', 'bird'],
  ['take', 'tool'],
  ['wear', 'garment'],
  ['throw', 'container'],
  ['tear', 'garment'],
] as const;
const intransitive = [
  'sleep',
  'arrive',
  'fall',
  'swim',
  'smile',
  'laugh',
  'wait',
  'cough',
  'vanish',
  'sneeze',
  'wander',
  'faint',
];
const needsObject = [
  'find',
  'repair',
  'destroy',
  'fix',
  'damage',
  'receive',
  'require',
  'conceal',
  'discover',
  'purchase',
  'acquire',
  'locate',
];
const busy = ['repair', 'inspect', 'carry', 'lift', 'paint', 'wash', 'fix', 'examine'];
const withPreposition = [
  ['rely', 'on'],
  ['look', 'at'],
  ['wait', 'for'],
  ['listen', 'to'],
  ['complain', 'about'],
  ['hope', 'for'],
  ['stare', 'at'],
  ['depend', 'on'],
] as const;
const wantsInfinitive = ['want', 'hope', 'decide', 'plan', 'promise', 'refuse', 'agree', 'expect'];
const wantsGerund = ['enjoy', 'avoid', 'finish', 'deny', 'risk', 'admit', 'suggest', 'consider'];
const saying = ['say', 'announce', 'claim', 'mention', 'declare', 'suggest', 'explain', 'complain'];
const telling = ['tell', 'inform', 'convince', 'remind', 'persuade', 'notify', 'assure', 'warn'];
const near = ['near', 'behind', 'beside', 'above', 'below', 'next to', 'under', 'in front of'];

const role = (w: World): string => w.pick(w.domain.roles);
const thing = (w: World): string =>
  w.pick<string>(kinds[w.pick(['instrument', 'tool', 'garment', 'container', 'fruit', 'weapon'] as const)]);
const quality = (w: World): string => w.random.pick(w.pick(opposites));
const relative = (w: World, gender: 'f' | 'm'): string => w.pick(gender === 'f' ? women : men);

/**
 * Returns one of two pairs with equal probability; the second mirrors the first, with the deciding words
 * exchanged.
 */
const either = (
  w: World,
  first: readonly [string, string],
  second: readonly [string, string],
): readonly [string, string] => (w.random.chance(0.5) ? first : second);

const constructions: readonly Construction[] = [
  // Agreement of subject and verb.
  (w) => {
    const [subject, verb] = [role(w), w.pick(needsObject)];
    const rest = [
      'the',
      thing(w),
      w.random.chance(0.5) ? w.pick(['every day', 'very often', 'each week', 'now and then']) : '',
    ];
    const many = sentence('the', plural(subject), verb, ...rest);
    const one = sentence('the', subject, third(verb), ...rest);
    const manyBad = sentence('the', plural(subject), third(verb), ...rest);
    return either(w, [manyBad, many], [sentence('the', subject, verb, ...rest), one]);
  },
  // Agreement across another noun.
  (w) => {
    const [first, second, where, how] = [thing(w), thing(w), w.pick(near), quality(w)];
    const lone = `the ${first} ${where} the ${plural(second)}`;
    const more = `the ${plural(first)} ${where} the ${second}`;
    const [is, are] = w.pick([
      ['is', 'are'],
      ['was', 'were'],
      ['looks', 'look'],
      ['seems', 'seem'],
    ] as const);
    return either(
      w,
      [sentence(lone, are, how), sentence(lone, is, how)],
      [sentence(more, is, how), sentence(more, are, how)],
    );
  },
  // Agreement across a relative clause.
  (w) => {
    const [who, what] = [role(w), w.pick(['is', 'was'] as const)];
    const whom = w.other(w.domain.roles, who);
    const are = what === 'is' ? 'are' : 'were';
    const verb = w.pick(['know', 'trust', 'admire', 'like', 'help', 'follow', 'envy', 'visit']);
    const how = w.pick(['polite', 'famous', 'rich', 'tired', 'honest', 'clever', 'sick', 'lonely']);
    const lone = `the ${who} that the ${plural(whom)} ${verb}`;
    const more = `the ${plural(who)} that the ${whom} ${third(verb)}`;
    return either(
      w,
      [sentence(lone, are, how), sentence(lone, what, how)],
      [sentence(more, what, how), sentence(more, are, how)],
    );
  },
  // Reflexive pronouns.
  (w) => {
    const gender = w.random.chance(0.5) ? 'f' : 'm';
    const [own, wrong] = gender === 'f' ? ['herself', 'himself'] : ['himself', 'herself'];
    const verb = past(w.pick(['blame', 'see', 'praise', 'admire', 'defend', 'warn', 'trust', 'describe']));
    const other = relative(w, gender === 'f' ? 'm' : 'f');
    const who = w.random.chance(0.3) ? person(w) : undefined;
    if (who) {
      const right = who.gender === 'f' ? 'herself' : 'himself';
      const rest = w.pick(['in the mirror', 'for the mistake', 'after the meeting', 'in the letter']);
      return [
        sentence(who.name, verb, right === 'herself' ? 'himself' : 'herself', rest),
        sentence(who.name, verb, right, rest),
      ];
    }
    const subject = `the ${relative(w, gender)} who met the ${other}`;
    return [sentence(subject, verb, wrong), sentence(subject, verb, own)];
  },
  (w) => {
    const gender = w.random.chance(0.5) ? 'f' : 'm';
    const [one, verb] = [
      relative(w, gender),
      past(w.pick(['blame', 'see', 'praise', 'admire', 'defend', 'teach', 'hide', 'enjoy'])),
    ];
    const self = gender === 'f' ? 'herself' : 'himself';
    return either(
      w,
      [sentence('the', one, verb, 'themselves'), sentence('the', one, verb, self)],
      [sentence('the', plural(one), verb, self), sentence('the', plural(one), verb, 'themselves')],
    );
  },
  // Verb forms after auxiliaries.
  (w) => {
    const [verb, object] = w.pick(strong);
    const what = `the ${object in kinds ? w.pick<string>(kinds[object as keyof typeof kinds]) : object}`;
    const subject = `the ${role(w)}`;
    const [before, after] = w.pick([
      ['has', 'has'],
      ['has already', 'has already'],
      ['had never', 'had never'],
    ] as const);
    return either(
      w,
      [sentence(subject, before, past(verb), what), sentence(subject, after, participle(verb), what)],
      [sentence(subject, participle(verb), what), sentence(subject, past(verb), what)],
    );
  },
  (w) => {
    const verb = w.pick(busy);
    const subject = `the ${role(w)}`;
    const what = `the ${thing(w)}`;
    const forms: readonly (readonly [string, string])[] = [
      [w.pick(['did not', 'will', 'must', 'might', 'can']), verb],
      [w.pick(['has', 'had', 'has never']), participle(verb)],
      [w.pick(['is', 'was', 'is still']), ing(verb)],
    ];
    const good = w.random.int(3);
    const [auxiliary, form] = forms[good]!;
    const [, wrong] = forms[(good + 1 + w.random.int(2)) % 3]!;
    return [sentence(subject, auxiliary, wrong, what), sentence(subject, auxiliary, form, what)];
  },
  // Word order.
  (w) => {
    const [{ action, thing: noun }, how] = [deed(w), quality(w)];
    const subject = `the ${role(w)} ${past(action.verb)}`;
    const place = w.random.chance(0.5) ? w.pick(w.domain.places) : '';
    return [sentence(subject, 'the', noun, how, place), sentence(subject, 'the', how, noun, place)];
  },
  (w) => {
    const [{ action, thing: object }, subject, time] = [deed(w), role(w), w.pick(w.domain.times)];
    const verb = past(action.verb);
    return [
      sentence('the', subject, 'the', object, verb, time),
      sentence('the', subject, verb, 'the', object, time),
    ];
  },
  (w) => {
    const [{ action, thing: object }, subject] = [deed(w), role(w)];
    const word = w.pick(['what', 'when', 'where', 'why']);
    const rest = word === 'what' ? [] : [`the ${object}`];
    const { verb } = action;
    return [
      question(word, 'the', subject, 'will', verb, ...rest),
      question(word, 'will', 'the', subject, verb, ...rest),
    ];
  },
  (w) => {
    const [{ action, thing: object }, subject, who] = [deed(w), role(w), someone(w)];
    const word = w.pick(['what', 'when', 'where', 'why']);
    const rest = word === 'what' ? [] : [`the ${object}`];
    const { verb } = action;
    const begin = [who, w.pick(['knows', 'asks', 'wonders', 'guesses'])];
    return [
      sentence(...begin, word, 'will', 'the', subject, verb, ...rest),
      sentence(...begin, word, 'the', subject, 'will', verb, ...rest),
    ];
  },
  (w) => {
    const [{ action, thing: object }, subject] = [deed(w), role(w)];
    const often = w.pick(['always', 'often', 'never', 'usually', 'rarely', 'sometimes', 'seldom', 'hardly']);
    const verb = third(action.verb);
    return [
      sentence('the', subject, verb, often, 'the', object),
      sentence('the', subject, often, verb, 'the', object),
    ];
  },
  // Complements that verbs take.
  (w) => {
    const [subject, what] = [`the ${role(w)}`, `the ${thing(w)}`];
    const [alone, taking] = [past(w.pick(intransitive)), past(w.pick(needsObject))];
    const place = w.pick(w.domain.places);
    return either(
      w,
      [sentence(subject, alone, what, place), sentence(subject, taking, what, place)],
      [sentence(subject, taking, place), sentence(subject, alone, place)],
    );
  },
  (w) => {
    const [verb, to] = w.pick(withPreposition);
    const [subject, what] = [`the ${role(w)}`, `the ${thing(w)}`];
    const taking = past(w.pick(needsObject));
    return either(
      w,
      [sentence(subject, past(verb), what), sentence(subject, past(verb), to, what)],
      [sentence(subject, taking, to, what), sentence(subject, taking, what)],
    );
  },
  (w) => {
    const [subject, { action, thing: object }] = [`the ${role(w)}`, deed(w)];
    const [plain, gerund] = [`to ${action.verb} the ${object}`, `${ing(action.verb)} the ${object}`];
    const [wanting, enjoying] = [past(w.pick(wantsInfinitive)), past(w.pick(wantsGerund))];
    return either(
      w,
      [sentence(subject, wanting, gerund), sentence(subject, wanting, plain)],
      [sentence(subject, enjoying, plain), sentence(subject, enjoying, gerund)],
    );
  },
  (w) => {
    const [subject, hearer] = [`the ${role(w)}`, `the ${role(w)}`];
    const clause = `that the ${thing(w)} was ${quality(w)}`;
    const [said, told] = [past(w.pick(saying)), past(w.pick(telling))];
    return either(
      w,
      [sentence(subject, said, hearer, clause), sentence(subject, told, hearer, clause)],
      [sentence(subject, told, clause), sentence(subject, said, clause)],
    );
  },
  (w) => {
    const subject = `the ${role(w)}`;
    const place = w.pick(w.domain.places);
    const [alone, taking] = [
      participle(w.pick(intransitive)),
      participle(w.pick(['thank', 'invite', 'arrest', 'rescue', 'question', 'praise', 'follow', 'hire'])),
    ];
    return either(
      w,
      [sentence(subject, 'was', alone, place), sentence(subject, 'was', taking, place)],
      [
        sentence(subject, 'was', alone, 'by', `the ${role(w)}`),
        sentence(subject, 'was', taking, 'by', `the ${role(w)}`),
      ],
    );
  },
  // Determiners.
  (w) => {
    const [{ action, thing: noun }, subject] = [deed(w), someone(w)];
    const [one, many] = w.pick([
      ['this', 'these'],
      ['that', 'those'],
      ['every', 'all'],
      ['each', 'several'],
      ['another', 'many'],
      ['one', 'both'],
    ] as const);
    const verb = past(action.verb);
    return either(
      w,
      [sentence(subject, verb, one, plural(noun)), sentence(subject, verb, one, noun)],
      [sentence(subject, verb, many, noun), sentence(subject, verb, many, plural(noun))],
    );
  },
  (w) => {
    const mass = w.pick(['water', 'rice', 'milk', 'furniture', 'luggage', 'sand', 'advice', 'equipment']);
    const noun = plural(thing(w));
    const [begin, end] = [
      `the ${role(w)} did not ${w.pick(['find', 'buy', 'need', 'want', 'see'])}`,
      w.pick(w.domain.places),
    ];
    return either(
      w,
      [sentence(begin, 'many', mass, end), sentence(begin, 'much', mass, end)],
      [sentence(begin, 'much', noun, end), sentence(begin, 'many', noun, end)],
    );
  },
  // Case of pronouns.
  (w) => {
    const verb = past(w.pick(['see', 'help', 'thank', 'follow', 'meet', 'know', 'praise', 'question']));
    const [[he, him], [she, her]] = w.random.shuffle([
      ['he', 'him'],
      ['she', 'her'],
      ['they', 'them'],
      ['we', 'us'],
    ] as const) as [readonly [string, string], readonly [string, string]];
    const place = w.pick(w.domain.places);
    return [sentence(him, verb, she, place), sentence(he, verb, her, place)];
  },
  // Tense and adverbs of time.
  (w) => {
    const { action, thing: object } = deed(w);
    const [subject, what] = [`the ${role(w)}`, `the ${object}`];
    const before = w.pick([
      'yesterday',
      'last week',
      'last year',
      'last night',
      'two days ago',
      'a month ago',
    ]);
    const after = w.pick([
      'tomorrow',
      'next week',
      'next year',
      'tomorrow night',
      'in two days',
      'next month',
    ]);
    return either(
      w,
      [
        sentence(subject, 'will', action.verb, what, before),
        sentence(subject, 'will', action.verb, what, after),
      ],
      [sentence(subject, past(action.verb), what, after), sentence(subject, past(action.verb), what, before)],
    );
  },
  // Comparatives, paired conjunctions, question tags, and "there is".
  (w) => {
    const [, more] = w.pick(comparatives);
    const most = more.replace(/er$/, 'est');
    const [who, other] = [role(w), role(w)];
    return either(
      w,
      [
        sentence('the', who, 'is', most, 'than the', other),
        sentence('the', who, 'is', more, 'than the', other),
      ],
      [sentence('this is the', more, who, 'of all'), sentence('this is the', most, who, 'of all')],
    );
  },
  (w) => {
    const { action, kind, thing: first } = deed(w);
    const second = w.other<string>(kinds[kind], first);
    const pairs = [
      ['either', 'or'],
      ['both', 'and'],
      ['neither', 'nor'],
    ] as const;
    const place = w.random.int(3);
    const [open, close] = pairs[place]!;
    const [, wrong] = pairs[(place + 1 + w.random.int(2)) % 3]!;
    const begin = [someone(w), past(action.verb), open, 'the', first];
    return [sentence(...begin, wrong, 'the', second), sentence(...begin, close, 'the', second)];
  },
  (w) => {
    const who = person(w);
    const [he, wrong] = who.gender === 'f' ? ['she', 'he'] : ['he', 'she'];
    const [is, not] = w.pick([
      [`is ${a(role(w))}`, "isn't"],
      ['can swim', "can't"],
      [`was ${w.pick(w.domain.places)}`, "wasn't"],
      ['will come', "won't"],
      [`has left`, "hasn't"],
    ] as const);
    const other = w.other(["isn't", "can't", "wasn't", "won't", "hasn't"], not);
    const tag = w.random.chance(0.5) ? `${not} ${wrong}` : `${other} ${he}`;
    return [question(`${who.name} ${is},`, tag), question(`${who.name} ${is},`, `${not} ${he}`)];
  },
  (w) => {
    const [noun, place] = [thing(w), w.pick(w.domain.places)];
    const [is, are] = w.pick([
      ['is', 'are'],
      ['was', 'were'],
    ] as const);
    return either(
      w,
      [sentence('there', are, a(noun), place), sentence('there', is, a(noun), place)],
      [
        sentence('there', is, 'some', plural(noun), place),
        sentence('there', are, 'some', plural(noun), place),
      ],
    );
  },
];

/**
 * Makes CoLA's one sentence, acceptable (1) or unacceptable (0) by agreement, word order, verb forms or
 * complements.
 */
export const cola = (w: World, label: number): readonly string[] => [w.random.pick(constructions)(w)[label]!];
