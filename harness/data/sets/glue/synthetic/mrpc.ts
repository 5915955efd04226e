/** Makes the built-in data of MRPC: pairs of news sentences that agree or differ. */
import { a, participle, past, plural, sentence } from './grammar.ts';
import { dealing, deed, reword, someone, type World } from './world.ts';
import { kinds, numbers, type Action } from './words.ts';

/** One piece of news: who did what to whom, when, where, and according to which source. */
interface News {
  readonly agent: string;
  readonly action: Pick<Action, 'verb' | 'synonyms'>;
  readonly patient: string;
  readonly many: boolean;
  readonly time: string;
  readonly place: string;
  readonly source: string;
}

const sayings = [
  ['said', 'stated'],
  ['announced', 'declared'],
  ['reported', 'reported'],
  ['claimed', 'maintained'],
] as const;

function news(w: World): News {
  const time = w.pick(w.domain.times);
  const place = w.random.chance(0.6) ? w.pick(w.domain.places) : `in ${w.pick(w.domain.towns)}`;
  const source = w.random.chance(0.5)
    ? `the ${w.pick(['police', 'newspaper', 'company', 'mayor', 'owner', 'radio'])}`
    : '';
  const agent = someone(w);
  if (w.random.chance(0.5))
    return { agent, action: dealing(w), patient: someone(w, agent), many: false, time, place, source };
  const { action, thing } = deed(w);
  const count = w.random.chance(0.5);
  const patient = count
    ? `${w.pick(numbers)} ${plural(thing)}`
    : w.random.chance(0.5)
      ? `the ${thing}`
      : a(thing);
  return { agent, action, patient, many: count, time, place, source };
}

/** Writes the news as one sentence; `second` chooses the second verb of `saying`. */
function tell(
  w: World,
  { agent, action, patient, many, time, place, source }: News,
  passive: boolean,
  saying: readonly [string, string],
  second: boolean,
): string {
  const verb = reword(w, action);
  const core = passive
    ? `${patient} ${many ? 'were' : 'was'} ${participle(verb)} by ${agent}`
    : `${agent} ${past(verb)} ${patient}`;
  const said = source === '' ? '' : saying[second ? 1 : 0];
  switch (w.random.int(4)) {
    case 0:
      return sentence(
        `${time}${source === '' ? ',' : ','}`,
        core,
        place + (source === '' ? '' : `, ${source} ${said}`),
      );
    case 1:
      return sentence(source === '' ? '' : `${source} ${said} that`, core, place, time);
    case 2:
      return sentence(core, time, place + (source === '' ? '' : `, according to ${source}`));
    default:
      return sentence(source === '' ? '' : `according to ${source},`, core, place, time);
  }
}

/** Returns the news with one fact changed. */
function change(w: World, told: News): News {
  const { agent, action, patient, time, place } = told;
  const [count, ...rest] = patient.split(' ');
  const isPerson = !told.many && !/^an? /.test(patient) && !thingNames.has(patient.replace(/^the /, ''));
  const choices: (() => News)[] = [
    () => ({ ...told, agent: someone(w, agent, patient) }),
    () => ({ ...told, time: w.other(w.domain.times, time) }),
  ];
  if (isPerson)
    choices.push(
      () => ({ ...told, agent: patient, patient: agent }),
      () => ({ ...told, agent: patient, patient: agent }),
      () => ({ ...told, patient: someone(w, agent, patient) }),
      () => ({ ...told, action: otherAction(w, action, () => dealing(w)) }),
    );
  else if (told.many) {
    const other = w.other(numbers, count as (typeof numbers)[number]);
    choices.push(
      () => ({ ...told, patient: [other, ...rest].join(' ') }),
      () => ({ ...told, patient: [other, ...rest].join(' ') }),
    );
  } else
    choices.push(() => {
      const noun = rest.join(' ');
      const kind = Object.values(kinds).find((list) => (list as readonly string[]).includes(noun))!;
      const found = w.other<string>(kind, noun);
      return { ...told, patient: count === 'the' ? `the ${found}` : a(found) };
    });
  choices.push(() => ({ ...told, place: otherPlace(w, place) }));
  return w.random.pick(choices)();
}

const thingNames: ReadonlySet<string> = new Set(Object.values(kinds).flat());
const otherPlace = (w: World, place: string): string => {
  const town = w.domain.towns.find((name) => place === `in ${name}`);
  return town === undefined ? w.other(w.domain.places, place) : `in ${w.other(w.domain.towns, town)}`;
};
function otherAction(
  w: World,
  not: Pick<Action, 'verb' | 'synonyms'>,
  draw: () => Pick<Action, 'verb' | 'synonyms'>,
): Pick<Action, 'verb' | 'synonyms'> {
  for (;;) {
    const found = draw();
    if (found.verb !== not.verb) return found;
  }
}

/** Makes MRPC's two sentences: they give the same news (1), or news that differs in one fact (0). */
export function mrpc(w: World, label: number): readonly string[] {
  const told = news(w);
  const saying = w.pick(sayings);
  const passive = w.random.chance(0.4);
  const again = w.random.chance(0.5) ? passive : !passive;
  for (;;) {
    const first = tell(w, told, passive, saying, false);
    const second = tell(w, label === 1 ? told : change(w, told), again, saying, true);
    if (first !== second) return [first, second];
  }
}
