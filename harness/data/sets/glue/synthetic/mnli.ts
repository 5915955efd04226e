/** Makes the built-in data of MNLI: premises with hypotheses that follow, may hold or contradict. */
import { a, past, plural, sentence } from './grammar.ts';
import { dealing, deed, person, reword, type Deed, type World } from './world.ts';
import {
  colored,
  colors,
  comparatives,
  kindNames,
  kinds,
  moods,
  numbers,
  opposites,
  type Kind,
} from './words.ts';

type Class = 0 | 1 | 2;
const [entailment, neutral, contradiction] = [0, 1, 2] as const;

/** Makes triples of premise, hypothesis and class; the same hypothesis occurs in several classes. */
type Construction = (w: World) => readonly (readonly [premise: string, hypothesis: string, label: Class])[];

const group = (w: World): string => plural(w.pick(w.domain.roles));
/** Things that people did, without an object. */
const deeds = [
  'arrived',
  'slept',
  'laughed',
  'waited',
  'sang',
  'complained',
  'swam',
  'cried',
  'danced',
  'voted',
  'shouted',
  'worked',
];
function coloredDeed(w: World): Deed {
  for (;;) {
    const found = deed(w);
    if (colored.includes(found.kind)) return found;
  }
}

const ways = {
  all: ['all the', 'all of the', 'every one of the'],
  some: ['some of the', 'at least some of the', 'at least a few of the'],
  none: ['none of the', 'not one of the', 'not a single one of the'],
  notAll: ['not all of the', 'not every one of the', 'not quite all of the'],
} as const;
type Quantifier = keyof typeof ways;

/** In each construction, every form of premise and of hypothesis occurs about equally often in each class. */
const constructions: readonly Construction[] = [
  // A thing and its kind, and none of a kind.
  (w) => {
    const [{ action, kind, thing }, { name: who }] = [deed(w), person(w)];
    const strange = w.other<Kind>(action.kinds, kind);
    const place = w.random.chance(0.5) ? w.pick(w.domain.places) : '';
    const verb = reword(w, action);
    const premise = (what: string) => sentence(who, past(action.verb), what, place);
    const hypothesis = (what: string) => sentence(who, past(verb), what, place);
    const [one, some, none, noKind] = [a(thing), a(kind), `no ${plural(thing)}`, `no ${plural(kind)}`];
    const [strangeSome, strangeNone] = [a(strange), `no ${plural(w.pick<string>(kinds[strange]))}`];
    return [
      [premise(one), hypothesis(some), entailment],
      [premise(noKind), hypothesis(none), entailment],
      [premise(one), hypothesis(strangeSome), neutral],
      [premise(one), hypothesis(strangeNone), neutral],
      [premise(noKind), hypothesis(strangeNone), neutral],
      [premise(noKind), hypothesis(strangeSome), neutral],
      [premise(one), hypothesis(none), contradiction],
      [premise(one), hypothesis(noKind), contradiction],
      [premise(noKind), hypothesis(one), contradiction],
      [premise(noKind), hypothesis(some), contradiction],
    ];
  },
  // Quantifiers.
  (w) => {
    const who = group(w);
    const others = plural(w.other(w.domain.roles, ...w.domain.roles.filter((role) => plural(role) === who)));
    const did = w.pick(deeds);
    const [place, time] = [w.pick(w.domain.places), w.random.chance(0.5) ? w.pick(w.domain.times) : ''];
    const said = w.random.int(3);
    const say = (quantifier: Quantifier, of = who) =>
      sentence(w.random.pick(ways[quantifier]), of, did, place, time);
    // The hypothesis has another wording of the quantifier than the premise.
    const first = (quantifier: Quantifier) => sentence(ways[quantifier][said]!, who, did, place, time);
    const again = (quantifier: Quantifier) =>
      sentence(ways[quantifier][(said + 1) % 3]!, who, did, place, time);
    return [
      [first('all'), say('some'), entailment],
      [first('none'), say('notAll'), entailment],
      [first('all'), again('all'), entailment],
      [first('none'), again('none'), entailment],
      [first('some'), again('some'), entailment],
      [first('notAll'), again('notAll'), entailment],
      [first('all'), say('some', others), neutral],
      [first('all'), say('none', others), neutral],
      [first('none'), say('notAll', others), neutral],
      [first('none'), say('all', others), neutral],
      [first('some'), say('all'), neutral],
      [first('notAll'), say('none'), neutral],
      [first('all'), say('notAll'), contradiction],
      [first('all'), say('none'), contradiction],
      [first('none'), say('some'), contradiction],
      [first('none'), say('all'), contradiction],
      [first('some'), say('none'), contradiction],
      [first('notAll'), say('all'), contradiction],
    ];
  },
  // Numbers.
  (w) => {
    const role = w.pick(w.domain.roles);
    const [who, others] = [plural(role), plural(w.other(w.domain.roles, role))];
    const did = w.pick(deeds);
    const place = w.pick(w.domain.places);
    const at = 2 + w.random.int(numbers.length - 4);
    const count = numbers[at]!;
    const less = numbers[w.random.int(at)]!;
    const more = numbers[at + 1 + w.random.int(numbers.length - at - 1)]!;
    const say = (quantity: string, number: string, of = who) => sentence(quantity, number, of, did, place);
    return [
      [say('exactly', count), say('more than', less), entailment],
      [say('exactly', count), say('fewer than', more), entailment],
      [say('more than', count), say('more than', less), entailment],
      [say('fewer than', count), say('fewer than', more), entailment],
      [say('exactly', count), say('more than', less, others), neutral],
      [say('exactly', count), say('fewer than', more, others), neutral],
      [say('more than', count), say('more than', more), neutral],
      [say('fewer than', count), say('fewer than', less), neutral],
      [say('exactly', count), say('more than', more), contradiction],
      [say('exactly', count), say('fewer than', less), contradiction],
      [say('more than', count), say('fewer than', less), contradiction],
      [say('fewer than', count), say('more than', more), contradiction],
    ];
  },
  // Details that the premise or the hypothesis adds.
  (w) => {
    const [{ action, thing }, { name: who }] = [coloredDeed(w), person(w)];
    const place = w.pick(w.domain.places);
    const close = `${w.pick(colors)} ${thing}`;
    const premise = (what: string) => sentence(who, past(action.verb), what, place);
    const verb = reword(w, action);
    const hypothesis = (what: string) => sentence(who, past(verb), what, place);
    const [any, none] = [a(thing), `no ${plural(thing)}`];
    const [one, noClose] = [a(close), `no ${plural(close)}`];
    return [
      [premise(one), hypothesis(any), entailment],
      [premise(none), hypothesis(noClose), entailment],
      [premise(any), hypothesis(one), neutral],
      [premise(noClose), hypothesis(none), neutral],
      [premise(one), hypothesis(none), contradiction],
      [premise(none), hypothesis(one), contradiction],
      [premise(any), hypothesis(none), contradiction],
      [premise(noClose), hypothesis(one), contradiction],
    ];
  },
  (w) => {
    const [{ action, thing }, one] = [coloredDeed(w), person(w)];
    const two = person(w, one);
    const color = w.pick(colors);
    const other = w.other(colors, color);
    const verb = reword(w, action);
    const first = sentence(
      'the',
      thing,
      'that',
      one.name,
      past(action.verb),
      'is',
      w.random.pick(w.pick(opposites)),
      'and',
      color,
    );
    const then = (who: string, how: string) => sentence('the', thing, 'that', who, past(verb), 'is', how);
    return [
      [first, then(one.name, color), entailment],
      [first, then(one.name, `not ${other}`), entailment],
      [first, then(two.name, color), neutral],
      [first, then(two.name, `not ${other}`), neutral],
      [first, then(two.name, other), neutral],
      [first, then(two.name, `not ${color}`), neutral],
      [first, then(one.name, other), contradiction],
      [first, then(one.name, `not ${color}`), contradiction],
    ];
  },
  // Opposites and negation.
  (w) => {
    const pair = w.pick(opposites);
    const [x, y] = w.random.shuffle(pair) as [string, string];
    const second = w.other(opposites, pair);
    const [z, v] = [w.random.pick(second), w.random.pick(w.other(opposites, pair, second))];
    const noun = w.pick<string>(kinds[w.pick(kindNames)]);
    const thing = ['the', noun, w.random.chance(0.4) ? w.pick(w.domain.places) : ''];
    const is = (how: string) => sentence(...thing, 'is', how);
    const both = (how: string) => is(w.random.chance(0.5) ? `${how} and ${v}` : `${v} and ${how}`);
    return [
      [both(x), is(`not ${y}`), entailment],
      [both(x), is(x), entailment],
      [both(z), is(x), neutral],
      [both(z), is(`not ${y}`), neutral],
      [both(x), is(y), contradiction],
      [both(x), is(`not ${x}`), contradiction],
    ];
  },
  (w) => {
    const [x, y] = w.random.shuffle(w.pick(moods)) as [string, string];
    const role = w.pick(w.domain.roles);
    const [who, whom] = [`the ${role}`, `the ${w.other(w.domain.roles, role)}`];
    const first = sentence(who, 'who', past(dealing(w).verb), whom, 'was', x);
    return [
      [first, sentence(who, 'was not', y), entailment],
      [first, sentence(who, 'was', x), entailment],
      [first, sentence(whom, 'was not', w.random.pick([x, y])), neutral],
      [first, sentence(whom, 'was', w.random.pick([x, y])), neutral],
      [first, sentence(who, 'was not', x), contradiction],
      [first, sentence(who, 'was', y), contradiction],
    ];
  },
  // Converses: taller and shorter, before and after.
  (w) => converse(w, w.random.shuffle(w.pick(comparatives)), 'is', 'than'),
  (w) =>
    converse(
      w,
      w.random.shuffle(['before', 'after']),
      w.pick(['left', 'arrived', 'called', 'finished', 'spoke', 'sang', 'replied', 'returned']),
      '',
    ),
  // Whether someone did a deed, and who did it.
  (w) => {
    const [{ action, thing }, one] = [deed(w), person(w)];
    const [x, y] = [one.name, person(w, one).name];
    const verb = reword(w, action);
    const premise = (how: string) =>
      sentence(x, how, 'to', action.verb, 'the', thing, w.pick(w.domain.times));
    const done = (who: string) => sentence(who, past(verb), 'the', thing);
    const not = (who: string) => sentence(who, 'did not', verb, 'the', thing);
    const [managed, failed] = [
      premise(w.pick(['managed', 'was able', 'remembered'])),
      premise(w.pick(['refused', 'failed', 'forgot'])),
    ];
    const wanted = premise(w.pick(['wanted', 'planned', 'hoped']));
    return [
      [managed, done(x), entailment],
      [failed, not(x), entailment],
      [managed, done(y), neutral],
      [failed, not(y), neutral],
      [wanted, w.random.chance(0.5) ? done(x) : not(x), neutral],
      [managed, not(x), contradiction],
      [failed, done(x), contradiction],
    ];
  },
];

function converse(w: World, words: readonly string[], verb: string, than: string): ReturnType<Construction> {
  const [up, down] = words as readonly [string, string];
  const first = person(w);
  const second = person(w, first);
  const [x, y, z] = [first.name, second.name, person(w, first, second).name];
  const say = (one: string, how: string, other: string) => sentence(one, verb, how, than, other);
  return [
    [say(x, up, y), say(y, down, x), entailment],
    [say(x, up, `${y} and ${z}`), say(z, down, x), entailment],
    [say(x, up, y), say(y, w.random.pick(words), z), neutral],
    [say(x, up, `${y} and ${z}`), say(z, w.random.pick(words), y), neutral],
    [say(x, up, y), say(y, up, x), contradiction],
    [say(x, up, `${y} and ${z}`), say(z, up, x), contradiction],
  ];
}

/** Makes MNLI's premise and hypothesis: the hypothesis follows (0), may hold (1) or cannot hold (2). */
export function mnli(w: World, label: number): readonly string[] {
  const pairs = w.random
    .pick(constructions)(w)
    .filter(([, , found]) => found === label);
  const [premise, hypothesis] = w.random.pick(pairs);
  return [premise, hypothesis];
}
