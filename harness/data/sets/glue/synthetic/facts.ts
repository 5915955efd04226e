/**
 * Makes pretraining sentences that teach a base the words of the built-in GLUE tasks, without giving any
 * task's row.
 */
import { a, participle, past, plural, sentence } from './grammar.ts';
import {
  actions,
  comparatives,
  dealings,
  kindNames,
  kinds,
  moods,
  opposites,
  otherGenres,
  taskDomain,
} from './words.ts';
import { person, someone, type World } from './world.ts';

const verbs = [...actions, ...dealings];

/**
 * Makes a sentence that introduces the tasks' own people, places, times and subjects, because no other
 * pretraining sentence names them.
 */
function introduction({ random }: World): string {
  const domain = random.chance(0.85) ? taskDomain : otherGenres;
  const woman = random.chance(0.5);
  const name = random.pick(woman ? domain.women : domain.men);
  const [town, time] = [random.pick(domain.towns), random.pick(domain.times)];
  const [place, other] = random.shuffle(domain.places) as [string, string];
  const [aspect, second] = random.shuffle(domain.aspects) as [string, string];
  const [reviewed, skill] = [random.pick(domain.reviewed), random.pick(domain.skills)];
  return random.pick([
    () => sentence(name, 'is the name of', woman ? 'a woman' : 'a man'),
    () => sentence(`${name} ${random.pick(domain.surnames)}`, 'lives in', town),
    () => sentence(town, 'is a town, and', name, 'comes from there'),
    () => sentence('some people stood', `${place}, others`, other),
    () => sentence(name, 'was still', place, time),
    () => sentence('many guests came to', town, time),
    () => sentence('we talked about the', reviewed, 'and its', aspect),
    () => sentence('every', reviewed, 'has', `its ${aspect}`, 'and', `its ${second}`),
    () => sentence(name, 'takes lessons in', skill),
  ])();
}

/**
 * Makes a sentence that introduces words or tells how they relate: a thing's kind, a verb's synonym, a word's
 * opposite.
 */
export function facts(w: World): string {
  const { random } = w;
  if (random.chance(0.4)) return introduction(w);
  const kind = random.pick(kindNames);
  const [one, two] = random.shuffle<string>(kinds[kind]) as [string, string];
  const [x, y] = random.shuffle(random.pick([...opposites, ...moods])) as [string, string];
  const [good, bad] = random.shuffle(random.pick(moods)) as [string, string];
  const [more, less] = random.shuffle(random.pick(comparatives)) as [string, string];
  const { verb, synonyms } = random.pick(verbs.filter((found) => found.synonyms.length > 0));
  const synonym = random.pick(synonyms);
  const { verb: forth, opposite } = random.pick(verbs.filter((found) => found.opposite !== undefined));
  const [who, other] = [person(w), someone(w)];
  return random.pick([
    () => sentence(a(one), 'is', a(kind)),
    () => sentence(a(one), 'is a kind of', kind),
    () => sentence(plural(one), 'and', plural(two), 'are', plural(kind)),
    () => sentence(who.name, 'likes', plural(one), 'and other', plural(kind)),
    () => sentence(other, 'has two', `${plural(kind)},`, a(one), 'and', a(two)),
    () => sentence('the opposite of', x, 'is', y),
    () => sentence('it is not', `${x}, it is`, y),
    () => sentence(other, 'was', `${good}, not`, bad),
    () => sentence(who.name, 'is', more, 'than', `${other}, so`, other, 'is', less, 'than', who.name),
    () => sentence('to', verb, 'means to', synonym),
    () => sentence('whoever was', participle(verb), 'by', other, 'was', participle(synonym), 'by', other),
    () => sentence(other, past(forth), `what ${who.name} did not`, opposite!),
  ])();
}
