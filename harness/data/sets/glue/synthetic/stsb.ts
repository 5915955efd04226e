/** Makes the built-in data of STS-B: pairs of sentences with a similarity. */
import { a, ing, participle, plural, sentence } from './grammar.ts';
import { deed, reword, type Deed, type World } from './world.ts';
import { actions, colored, colors, kinds, type Kind } from './words.ts';

/** The content of a picture, which one sentence describes. */
interface Scene {
  readonly who: string;
  readonly many: boolean;
  readonly deed: Deed;
  readonly color: string;
  readonly place: string;
}

/** Actions that a picture can show in progress, which finding is not. */
const lasting = actions.filter(({ verb }) => verb !== 'find');
const people = ['man', 'woman', 'boy', 'girl', 'child', 'person'];
const alike: Readonly<Record<string, readonly string[]>> = {
  man: ['person', 'boy'],
  woman: ['person', 'girl'],
  boy: ['child', 'man'],
  girl: ['child', 'woman'],
  child: ['boy', 'girl'],
  person: ['man', 'woman'],
};

const subject = (w: World): string => (w.random.chance(0.6) ? w.random.pick(people) : w.pick(w.domain.roles));
function scene(w: World): Scene {
  const found = deed(w, lasting);
  return {
    who: subject(w),
    many: w.random.chance(0.25),
    deed: found,
    color: colored.includes(found.kind) && w.random.chance(0.5) ? w.pick(colors) : '',
    place: w.random.chance(0.6) ? w.pick(w.domain.places) : '',
  };
}

const seen = (
  w: World,
  { who, many, deed: { action, thing }, color, place }: Scene,
  passive: boolean,
  negated: boolean,
): string => {
  const verb = reword(w, action);
  const [agent, object] = [
    many ? `some ${plural(who)}` : a(who),
    a(color === '' ? thing : `${color} ${thing}`),
  ];
  const not = negated ? 'not' : '';
  return passive
    ? sentence(object, 'is', not, 'being', participle(verb), 'by', agent, place)
    : sentence(agent, many ? 'are' : 'is', not, ing(verb), object, place);
};

/**
 * A change of a scene, with the amount that it takes off the similarity of 5; amounts add up, to at most 5.
 */
type Change = readonly [cost: number, apply: (w: World, scene: Scene) => Scene];
const details: readonly Change[] = [
  [0.8, (w, s) => ({ ...s, place: s.place === '' ? w.pick(w.domain.places) : '' })],
  [
    1.4,
    (w, s) => ({ ...s, place: s.place === '' ? w.pick(w.domain.places) : w.other(w.domain.places, s.place) }),
  ],
  [
    0.6,
    (w, s) => ({
      ...s,
      color: s.color === '' && colored.includes(s.deed.kind) ? w.pick(colors) : '',
      many: s.color === '' && !colored.includes(s.deed.kind) ? !s.many : s.many,
    }),
  ],
  [0.8, (_, s) => ({ ...s, many: !s.many })],
];
const agents: readonly Change[] = [
  [1, (w, s) => ({ ...s, who: w.random.pick(alike[s.who] ?? ['person']) })],
  [1.6, (w, s) => ({ ...s, who: w.other([...people, ...w.domain.roles], s.who, ...(alike[s.who] ?? [])) })],
];
const near = (w: World, { kind, thing }: Deed): string => w.other<string>(kinds[kind], thing);
const objects: readonly Change[] = [
  [1.4, (w, s) => ({ ...s, deed: { ...s.deed, thing: near(w, s.deed) } })],
  [0.8, (_, s) => ({ ...s, deed: { ...s.deed, thing: s.deed.kind } })],
  [2.2, (w, s) => changeKind(w, s)],
];
const verbs: readonly Change[] = [[2, (w, s) => changeVerb(w, s)]];
/** Applies the action to a thing of another kind, or of the same kind where the action has no other. */
function changeKind(w: World, s: Scene): Scene {
  const others = s.deed.action.kinds.filter((kind) => kind !== s.deed.kind);
  const kind: Kind = others.length > 0 ? w.random.pick(others) : s.deed.kind;
  const color = colored.includes(kind) ? s.color : '';
  return { ...s, color, deed: { ...s.deed, kind, thing: w.other<string>(kinds[kind], s.deed.thing) } };
}
function changeVerb(w: World, s: Scene): Scene {
  for (;;) {
    const { action } = deed(w, lasting);
    if (action.verb !== s.deed.action.verb && action.kinds.includes(s.deed.kind))
      return { ...s, deed: { ...s.deed, action } };
  }
}

/** Combinations of changed parts; drawn uniformly, they give similarities all over 0 to 5. */
const mixtures: readonly (readonly (readonly Change[])[])[] = [
  [],
  [],
  [details],
  [details],
  [agents],
  [objects],
  [verbs],
  [agents, details],
  [objects, details],
  [agents, objects],
  [verbs, details],
  [agents, verbs],
  [verbs, objects],
  [agents, verbs, details],
];

/**
 * Makes STS-B's two sentences on scenes and their similarity from 0 to 5, in steps of 0.2, with some noise.
 */
export function stsb(w: World): { texts: readonly string[]; score: number } {
  const first = scene(w);
  const passive = w.random.chance(0.2);
  const again = w.random.chance(0.25);
  const negated = w.random.chance(0.06);
  if (w.random.chance(0.12)) {
    const other = unlike(w, first);
    const texts = [seen(w, first, passive, false), seen(w, other, again, negated)];
    return { texts, score: rounded(0.3 + noise(w)) };
  }
  let [second, lost] = [first, negated ? 2 : 0];
  for (const changes of w.random.pick(mixtures)) {
    const [cost, apply] = w.random.pick(changes);
    second = apply(w, second);
    lost += cost;
  }
  return {
    texts: [seen(w, first, passive, false), seen(w, second, again, negated)],
    score: rounded(5 - lost + (lost === 0 ? 0 : noise(w))),
  };
}

function unlike(w: World, first: Scene): Scene {
  for (;;) {
    const other = scene(w);
    if (
      other.who !== first.who &&
      other.deed.kind !== first.deed.kind &&
      other.deed.action.verb !== first.deed.action.verb &&
      (other.place === '' || other.place !== first.place)
    )
      return other;
  }
}

/** Raters differ by a step, so scores get noise of −0.2, 0 or 0.2. */
const noise = (w: World): number => 0.2 * (w.random.int(3) - 1);
const rounded = (score: number): number => Math.round(Math.min(5, Math.max(0, score)) * 5) / 5;
