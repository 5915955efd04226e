/** Makes the built-in data of QQP: pairs of questions that ask the same or not. */
import { a, question } from './grammar.ts';
import type { World } from './world.ts';
import { kinds } from './words.ts';

/** One question in several wordings. */
type Ask = readonly ((w: World) => string)[];

/** Makes questions on one subject: the wordings of the first question, and those of each other question. */
type Construction = (w: World) => readonly [asked: Ask, others: readonly Ask[]];

const conditions = [
  'without a teacher',
  'in a month',
  'at home',
  'for free',
  'as a child',
  'in old age',
  'on weekends',
  'over the summer',
];
const ways: (verb: string, rest: string, end: string) => Ask = (verb, rest, end) => [
  () => question('how can I', verb, rest, end),
  () => question('how do I', verb, rest, end),
  () => question('what is the best way to', verb, rest, end),
  () => question('what should I do to', verb, rest, end),
  () => question('is there a good way to', verb, rest, end),
];

const constructions: readonly Construction[] = [
  // Learning and teaching a skill.
  (w) => {
    const skill = w.pick(w.domain.skills);
    const end = w.random.chance(0.6) ? w.pick(conditions) : '';
    const learn = (what: string, when: string): Ask => [
      ...ways('learn', what, when),
      ...ways('study', what, when),
      ...ways('master', what, when),
    ];
    return [
      learn(skill, end),
      [
        ways('teach', skill, end),
        learn(w.other(w.domain.skills, skill), end),
        learn(skill, w.other(conditions, end)),
        [
          () => question('where can I learn', skill, end),
          () => question('in which place can I learn', skill, end),
        ],
        [
          () => question('why should I learn', skill, end),
          () => question('what is the reason to learn', skill, end),
        ],
      ],
    ];
  },
  // Travel from one town to another.
  (w) => {
    const from = w.pick(w.domain.towns);
    const to = w.other(w.domain.towns, from);
    const far = (x: string, y: string): Ask => [
      () => question('how long does it take to get from', x, 'to', y),
      () => question('how much time does one need to get from', x, 'to', y),
      () => question('how many hours is it from', x, 'to', y),
      () => question('how long is the journey to', y, 'from', x),
    ];
    const cheap = (x: string, y: string): Ask => [
      () => question('what is the cheapest way to get from', x, 'to', y),
      () => question('how can I travel to', y, 'from', x, 'for little money'),
      () => question('how do I get from', x, 'to', y, 'at the lowest price'),
    ];
    const [asked, unasked] = w.random.shuffle([far, cheap]) as [typeof far, typeof far];
    return [
      asked(from, to),
      [unasked(from, to), asked(to, from), asked(to, from), asked(from, w.other(w.domain.towns, from, to))],
    ];
  },
  // Things: how to buy, sell, mend and keep them.
  (w) => {
    const kind = w.pick(['instrument', 'vehicle', 'boat', 'garment', 'jewel', 'animal', 'bird'] as const);
    const thing = w.pick<string>(kinds[kind]);
    const other = w.other<string>(kinds[kind], thing);
    const asks = (what: string): readonly Ask[] => [
      [
        ...ways('buy', a(what), ''),
        ...ways('purchase', a(what), ''),
        () => question('how does one buy', a(what)),
      ],
      [...ways('sell', `my ${what}`, ''), () => question('how does one sell', a(what))],
      [
        () => question('how much does', a(what), 'cost'),
        () => question('what is the price of', a(what)),
        () => question('what do people pay for', a(what)),
      ],
      [
        () => question('where can I find', a(what)),
        () => question('in what place can I find', a(what)),
        () => question('where is', a(what), 'to be found'),
      ],
      [
        () => question('why do people like the', what, 'so much'),
        () => question('what makes the', what, 'so popular'),
        () => question('why is the', what, 'so popular'),
      ],
    ];
    const chosen = w.random.int(5);
    return [
      asks(thing)[chosen]!,
      [
        ...asks(thing).filter((_, i) => i !== chosen),
        asks(other)[chosen]!,
        asks(other)[chosen]!,
        asks(other)[chosen]!,
      ],
    ];
  },
  // Comparison of two things; their order matters in one of the questions.
  (w) => {
    const kind = w.pick(['instrument', 'vehicle', 'boat', 'fruit', 'animal', 'tool', 'flower'] as const);
    const x = w.pick<string>(kinds[kind]);
    const y = w.other<string>(kinds[kind], x);
    const z = w.other<string>(kinds[kind], x, y);
    const differ = (one: string, two: string): Ask => [
      () => question('what is the difference between', a(one), 'and', a(two)),
      () => question('what is the difference between', a(two), 'and', a(one)),
      () => question('how does', a(one), 'differ from', a(two)),
      () => question('in what way is', a(two), 'different from', a(one)),
    ];
    const better = (one: string, two: string): Ask => [
      () => question('why is', a(one), 'better than', a(two)),
      () => question('what makes', a(one), 'better than', a(two)),
      () => question('why is', a(two), 'worse than', a(one)),
      () => question('for what reason is', a(two), 'worse than', a(one)),
    ];
    return w.random.chance(0.5)
      ? [differ(x, y), [better(x, y), differ(x, z), differ(z, y)]]
      : [better(x, y), [better(y, x), better(y, x), differ(x, y), better(x, z)]];
  },
  // Towns: what to see there, how to live and work there.
  (w) => {
    const town = w.pick(w.domain.towns);
    const asks = (where: string): readonly Ask[] => [
      [
        () => question('what are the best sights in', where),
        () => question('what should I see in', where),
        () => question('which places are worth a visit in', where),
      ],
      [
        () => question('what is it like to live in', where),
        () => question('how is life in', where),
        () => question('how do people live in', where),
      ],
      [
        () => question('how can I find a job in', where),
        () => question('what is the best way to find work in', where),
        () => question('how do I get hired in', where),
      ],
      [
        () => question('when is the best time to visit', where),
        () => question('in which month should I go to', where),
        () => question('what is the best season to visit', where),
      ],
      [
        () => question('where should I stay in', where),
        () => question('which hotels are good in', where),
        () => question('what is a good hotel in', where),
      ],
      [
        () => question('how do I leave', where),
        () => question('how can I get out of', where),
        () => question('what is the best way to get away from', where),
      ],
    ];
    const chosen = w.random.int(6);
    return [
      asks(town)[chosen]!,
      [
        ...asks(town).filter((_, i) => i !== chosen),
        asks(w.other(w.domain.towns, town))[chosen]!,
        asks(w.other(w.domain.towns, town))[chosen]!,
        asks(w.other(w.domain.towns, town))[chosen]!,
      ],
    ];
  },
  // Occupations.
  (w) => {
    const role = w.pick(w.domain.roles);
    const asks = (what: string): readonly Ask[] => [
      [...ways('become', a(what), ''), () => question('how does one become', a(what))],
      [...ways('hire', a(what), ''), ...ways('employ', a(what), '')],
      [
        () => question('how much does', a(what), 'earn'),
        () => question('what is the salary of', a(what)),
        () => question('how much money does', a(what), 'make'),
      ],
      [
        () => question('what does', a(what), 'do all day'),
        () => question('what are the duties of', a(what)),
        () => question('what is the work of', a(what), 'like'),
      ],
      [
        () => question('what must one know to work as', a(what)),
        () => question('which skills does one need to be', a(what)),
        () => question('what should', a(what), 'be good at'),
      ],
    ];
    const chosen = w.random.int(5);
    return [
      asks(role)[chosen]!,
      [
        ...asks(role).filter((_, i) => i !== chosen),
        asks(w.other(w.domain.roles, role))[chosen]!,
        asks(w.other(w.domain.roles, role))[chosen]!,
      ],
    ];
  },
];

/** Makes QQP's two questions, which ask the same (1) or not (0). */
export function qqp(w: World, label: number): readonly string[] {
  const [asked, others] = w.random.pick(constructions)(w);
  const first = w.random.pick(asked)(w);
  for (;;) {
    const second = w.random.pick(label === 1 ? asked : w.random.pick(others))(w);
    if (second !== first) return w.random.chance(0.5) ? [first, second] : [second, first];
  }
}
