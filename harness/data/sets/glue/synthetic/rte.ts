/** Makes the built-in data of RTE: two sentences, and a third that follows from them or not. */
import { a, ing, participle, past, plural, sentence } from './grammar.ts';
import { dealing, deed, person, reword, someone, type World } from './world.ts';
import { comparatives, kinds, moods, numbers } from './words.ts';

/** Makes a premise with hypotheses that follow from it and hypotheses that do not. */
type Construction = (w: World) => {
  readonly premise: string;
  readonly entailed: readonly string[];
  readonly open: readonly string[];
};

/** Makes a sentence that adds to the scene and decides no hypothesis. */
const aside = (w: World): string =>
  w.pick([
    sentence(
      'it was',
      w.pick(['cold', 'raining', 'a busy day', 'getting dark', 'very quiet', 'a long week']),
    ),
    sentence('nobody else was', w.pick(w.domain.places)),
    sentence(
      'the newspapers wrote about it',
      w.pick(['for days', 'at length', 'the next day', 'with surprise']),
    ),
    sentence('it was a surprise to everyone', w.pick(['in town', 'who heard of it', 'there', 'at home'])),
  ]);
const two = (w: World, first: string, second: string): string =>
  w.random.chance(0.5) ? `${first} ${second}` : `${second} ${first}`;

const constructions: readonly Construction[] = [
  // Two deeds: who did which.
  (w) => {
    const first = deed(w);
    let second = deed(w);
    while (second.action === first.action) second = deed(w);
    const one = person(w);
    const other = person(w, one);
    const [x, y] = [a(first.thing), a(second.thing)];
    const [time, place] = [w.pick(w.domain.times), w.pick(w.domain.places)];
    const premise = two(
      w,
      sentence(one.name, past(first.action.verb), x, place),
      sentence(other.name, past(second.action.verb), y, time),
    );
    const [verb, next] = [reword(w, first.action), reword(w, second.action)];
    return {
      premise,
      entailed: [
        sentence(one.name, past(verb), x),
        sentence(other.name, past(next), a(second.kind)),
        sentence(x, 'was', participle(verb), 'by', one.name),
        sentence(other.name, past(next), 'something', time),
      ],
      open: [
        sentence(other.name, past(verb), x),
        sentence(one.name, past(next), a(second.kind)),
        sentence(x, 'was', participle(verb), 'by', other.name),
        sentence(one.name, past(next), 'something', time),
      ],
    };
  },
  // Deeds between two people: who did it to whom.
  (w) => {
    const [one, action] = [someone(w), dealing(w)];
    const other = someone(w, one);
    const verb = reword(w, action);
    return {
      premise: two(
        w,
        sentence(
          w.random.chance(0.5)
            ? `${one} ${past(action.verb)} ${other}`
            : `${other} was ${participle(action.verb)} by ${one}`,
          w.pick(w.domain.times),
        ),
        aside(w),
      ),
      entailed: [
        sentence(one, past(verb), other),
        sentence(other, 'was', participle(verb), 'by', one),
        sentence('somebody', past(verb), other),
      ],
      open: [
        sentence(other, past(verb), one),
        sentence(one, 'was', participle(verb), 'by', other),
        sentence('somebody', past(verb), one),
      ],
    };
  },
  // Trade: who bought and who sold.
  (w) => {
    const buyer = person(w);
    const seller = person(w, buyer);
    const kind = w.pick(['instrument', 'vehicle', 'jewel', 'boat', 'garment', 'tool'] as const);
    const what = a(w.pick<string>(kinds[kind]));
    const gave = w.random.chance(0.5);
    return {
      premise: two(
        w,
        gave
          ? sentence(seller.name, 'sold', what, 'to', buyer.name, w.pick(w.domain.times))
          : sentence(buyer.name, 'bought', what, 'from', seller.name, w.pick(w.domain.times)),
        aside(w),
      ),
      entailed: [
        gave
          ? sentence(buyer.name, 'bought', what, 'from', seller.name)
          : sentence(seller.name, 'sold', what, 'to', buyer.name),
        sentence(buyer.name, 'bought', a(kind)),
        sentence(seller.name, 'sold', a(kind)),
      ],
      open: [
        gave
          ? sentence(seller.name, 'bought', what, 'from', buyer.name)
          : sentence(buyer.name, 'sold', what, 'to', seller.name),
        sentence(seller.name, 'bought', a(kind)),
        sentence(buyer.name, 'sold', a(kind)),
      ],
    };
  },
  // Deeds that happened, failed or were only intended.
  (w) => {
    const [{ action, thing }, who] = [deed(w), person(w)];
    const what = `the ${thing}`;
    const outcome = w.pick(['done', 'done', 'not done', 'not done', 'unknown']);
    const verb = w.pick(
      outcome === 'done'
        ? ['managed', 'remembered', 'was able', 'did not forget']
        : outcome === 'not done'
          ? ['refused', 'forgot', 'failed', 'did not manage']
          : ['wanted', 'planned', 'hoped', 'was asked'],
    );
    const premise = two(
      w,
      sentence(who.name, verb, 'to', action.verb, what, w.pick(w.domain.places)),
      aside(w),
    );
    const again = reword(w, action);
    const done = [
      sentence(who.name, past(again), what),
      sentence(what, 'was', participle(again), 'by', who.name),
    ];
    const not = [
      sentence(who.name, 'did not', again, what),
      sentence(what, 'was not', participle(again), 'by', who.name),
    ];
    if (outcome === 'unknown') return { premise, entailed: [], open: [...done, ...not] };
    return outcome === 'done'
      ? { premise, entailed: done, open: not }
      : { premise, entailed: not, open: done };
  },
  // The person that a pronoun names.
  (w) => {
    const [{ action, thing }, one] = [deed(w), person(w)];
    let other = person(w);
    while (other.gender === one.gender) other = person(w);
    const [subject, kept] = w.random.chance(0.5) ? [one, other] : [other, one];
    const time = w.pick(w.domain.times);
    return {
      premise:
        `${sentence(one.name, w.pick(['met', 'called', 'saw', 'visited']), other.name, time)} ` +
        sentence(
          subject.gender === 'f' ? 'she' : 'he',
          'had',
          w.pick(['just', 'already', 'finally']),
          participle(action.verb),
          a(thing),
        ),
      entailed: [sentence(subject.name, 'had', participle(reword(w, action)), a(thing))],
      open: [sentence(kept.name, 'had', participle(reword(w, action)), a(thing))],
    };
  },
  // Comparison over two steps.
  (w) => {
    const [x, y] = [person(w)].flatMap((first) => [first, person(w, first)]) as [
      ReturnType<typeof person>,
      ReturnType<typeof person>,
    ];
    const z = person(w, x, y);
    const [[more, less], flip] = [w.pick(comparatives), w.random.chance(0.5)];
    const [up, down] = flip ? [less, more] : [more, less];
    const premise = two(
      w,
      sentence(x.name, 'is', up, 'than', y.name),
      sentence(y.name, 'is', up, 'than', z.name),
    );
    return {
      premise,
      entailed: [
        sentence(x.name, 'is', up, 'than', z.name),
        sentence(z.name, 'is', down, 'than', x.name),
        sentence(y.name, 'is', down, 'than', x.name),
      ],
      open: [
        sentence(z.name, 'is', up, 'than', x.name),
        sentence(x.name, 'is', down, 'than', z.name),
        sentence(y.name, 'is', up, 'than', x.name),
      ],
    };
  },
  // States of two people.
  (w) => {
    const [one, other] = [person(w)].flatMap((first) => [first, person(w, first)]) as [
      ReturnType<typeof person>,
      ReturnType<typeof person>,
    ];
    const [good, bad] = w.random.shuffle(w.pick(moods)) as [string, string];
    const then = w.pick(['at that time', 'in those days', 'when we met', 'all the same']);
    const premise = two(w, sentence(one.name, 'was', good, then), sentence(other.name, 'was', bad));
    return {
      premise,
      entailed: [
        sentence(one.name, 'was not', bad),
        sentence(other.name, 'was not', good),
        sentence(one.name, 'was', good),
        sentence(other.name, 'was', bad),
      ],
      open: [
        sentence(one.name, 'was not', good),
        sentence(other.name, 'was not', bad),
        sentence(one.name, 'was', bad),
        sentence(other.name, 'was', good),
      ],
    };
  },
  // Counts.
  (w) => {
    const [who, { action, thing, kind }] = [person(w), deed(w)];
    const count = w.pick(numbers.slice(2));
    const [wrong] = [w.other(numbers.slice(2), count)];
    const other = w.other<string>(kinds[kind], thing);
    return {
      premise: two(
        w,
        sentence(who.name, past(action.verb), count, plural(thing), w.pick(w.domain.places)),
        aside(w),
      ),
      entailed: [
        sentence(who.name, past(reword(w, action)), count, plural(kind)),
        sentence(who.name, past(reword(w, action)), count, plural(thing)),
        sentence(who.name, past(reword(w, action)), 'several', plural(kind)),
      ],
      open: [
        sentence(who.name, past(reword(w, action)), wrong, plural(kind)),
        sentence(who.name, past(reword(w, action)), wrong, plural(thing)),
        sentence(who.name, past(reword(w, action)), 'several', plural(other)),
      ],
    };
  },
  // Reports of deeds: verbs that presuppose the deed (knew) and verbs that do not (claimed).
  (w) => {
    const [{ action, thing, kind }, who] = [deed(w), person(w)];
    const speaker = person(w, who);
    const knew = w.random.chance(0.5);
    const verb = w.pick(
      knew
        ? ['knew', 'forgot', 'was glad', 'noticed', 'regretted', 'discovered']
        : ['claimed', 'thought', 'hoped', 'believed', 'feared', 'guessed'],
    );
    const premise = two(
      w,
      sentence(speaker.name, verb, 'that', who.name, 'had', participle(action.verb), 'the', thing),
      aside(w),
    );
    const again = participle(reword(w, action));
    const done = sentence(who.name, 'had', again, 'the', thing);
    const swapped = sentence(speaker.name, 'had', again, 'the', thing);
    const wider = (one: string, other: string) => sentence(one, verb, 'that', other, 'had', again, a(kind));
    return {
      premise,
      entailed: [knew ? done : wider(speaker.name, who.name)],
      open: [knew ? (w.random.chance(0.5) ? swapped : wider(who.name, speaker.name)) : done],
    };
  },
  // Deeds done instead of others.
  (w) => {
    const [{ action, thing, kind }, who] = [deed(w), person(w)];
    const not = w.other<string>(kinds[kind], thing);
    const verb = reword(w, action);
    const premise = two(
      w,
      w.random.chance(0.5)
        ? sentence(`instead of ${ing(action.verb)} the ${not},`, who.name, past(action.verb), 'the', thing)
        : sentence(who.name, past(action.verb), 'the', `${thing}, not the ${not}`),
      aside(w),
    );
    return {
      premise,
      entailed: [
        sentence(who.name, past(verb), 'the', thing),
        sentence(who.name, 'did not', verb, 'the', not),
        sentence('the', thing, 'was', participle(verb), 'by', who.name),
      ],
      open: [
        sentence(who.name, past(verb), 'the', not),
        sentence(who.name, 'did not', verb, 'the', thing),
        sentence('the', not, 'was', participle(verb), 'by', who.name),
      ],
    };
  },
];

/** Makes RTE's premise and hypothesis; the hypothesis follows (0) or does not (1). */
export function rte(w: World, label: number): readonly string[] {
  for (;;) {
    const { premise, entailed, open } = w.random.pick(constructions)(w);
    const hypotheses = label === 0 ? entailed : open;
    if (hypotheses.length > 0) return [premise, w.random.pick(hypotheses)];
  }
}
