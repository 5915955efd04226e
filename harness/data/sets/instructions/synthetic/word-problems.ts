/**
 * The built-in word problems with worked steps: the built-in data of the task math and of the evaluations
 * word-problems-*. Numbers have one digit, so that small models can learn them.
 */
import { seededRandom, type SeededRandom } from '../../../synthetic/random.ts';

/** A problem with the steps of its solution. */
export interface WordProblem {
  /** The name of the set, a key of {@link wordProblemSets}. */
  readonly set: string;
  readonly question: string;
  /** The worked steps, which end with the answer. */
  readonly solution: string;
  readonly answer: number;
}

/** What is drawn for every problem. */
interface Story {
  readonly name: string;
  /** The pronoun of the name, and as the first word of a sentence. */
  readonly he: string;
  readonly He: string;
  readonly things: string;
  readonly others: string;
  readonly gets: string;
  readonly loses: string;
}

/** A problem before its last question: the story, the steps, and the answer. */
interface Told {
  readonly story: string;
  readonly steps: string;
  readonly answer: number;
}

const LARGEST = 9;
const people = [
  ['Anna', 'she'],
  ['Jane', 'she'],
  ['John', 'he'],
  ['Mary', 'she'],
  ['Mark', 'he'],
  ['Sarah', 'she'],
  ['Peter', 'he'],
  ['David', 'he'],
  ['Thomas', 'he'],
  ['Ruth', 'she'],
  ['Edward', 'he'],
  ['Maria', 'she'],
] as const;
const things =
  'birds letters horses flowers houses boats roses dogs cats coins books cakes rings plates'.split(' ');
const gains = ['finds', 'buys', 'takes'];
const losses = ['sells', 'gives away', 'loses'];

/** Draws a sum and one of its two parts, both of which are at least 2, as plural nouns need. */
function drawSum(random: SeededRandom): { sum: number; part: number } {
  const sum = 4 + random.int(LARGEST - 3);
  return { sum, part: 2 + random.int(sum - 3) };
}

/** The sets by name: their label, and how a problem is told. */
export const wordProblemSets: Readonly<
  Record<string, { readonly label: string; tell(story: Story, random: SeededRandom): Told }>
> = {
  gain: {
    label: 'Gain',
    tell({ name, He, things, gets }, random) {
      const { sum, part } = drawSum(random);
      const more = sum - part;
      return {
        story: `${name} has ${part} ${things}. ${He} ${gets} ${more} more.`,
        steps: `${part}+${more}=${sum}.`,
        answer: sum,
      };
    },
  },
  loss: {
    label: 'Loss',
    tell({ name, He, things, loses }, random) {
      const { sum, part } = drawSum(random);
      const left = sum - part;
      return {
        story: `${name} has ${sum} ${things}. ${He} ${loses} ${part} of them.`,
        steps: `${sum}-${part}=${left}.`,
        answer: left,
      };
    },
  },
  'two-steps': {
    label: 'Two steps',
    tell({ name, He, things, gets, loses }, random) {
      const { sum, part } = drawSum(random);
      const [more, lost] = [sum - part, 1 + random.int(sum - 1)];
      return {
        story: `${name} has ${part} ${things}. ${He} ${gets} ${more} more and ${loses} ${lost}.`,
        steps: `${part}+${more}=${sum}. ${sum}-${lost}=${sum - lost}.`,
        answer: sum - lost,
      };
    },
  },
  distractor: {
    label: 'Distractor',
    tell({ name, He, things, others, loses }, random) {
      const [own, other] = [2 + random.int(LARGEST - 1), 2 + random.int(LARGEST - 1)];
      const both = [`${own} ${things}`, `${other} ${others}`];
      const [first, second] = random.chance(0.5) ? both : both.reverse();
      return {
        story: `${name} has ${first} and ${second}. ${He} ${loses} the ${others}.`,
        steps: `${own} ${things}.`,
        answer: own,
      };
    },
  },
};

function drawProblem(set: string, random: SeededRandom): WordProblem {
  const [name, he] = random.pick(people);
  const [own, others] = random.shuffle(things) as [string, string];
  const story: Story = {
    name,
    he,
    He: he[0]!.toUpperCase() + he.slice(1),
    things: own,
    others,
    gets: random.pick(gains),
    loses: random.pick(losses),
  };
  const told = wordProblemSets[set]!.tell(story, random);
  return {
    set,
    question: `${told.story} How many ${own} has ${he} now?`,
    solution: `${told.steps} The answer is ${told.answer}.`,
    answer: told.answer,
  };
}

/**
 * The problems of all sets in turn, drawn with a fixed seed: 160 to test, 60 to validate, 1,600 to train. The
 * splits share no problem.
 */
export function builtinWordProblems(): Record<'train' | 'validation' | 'test', WordProblem[]> {
  const random = seededRandom('deltabench: word problems');
  const sets = Object.keys(wordProblemSets);
  const used = new Set<string>();
  const draw = (count: number): WordProblem[] => {
    const problems: WordProblem[] = [];
    while (problems.length < count) {
      const problem = drawProblem(sets[problems.length % sets.length]!, random);
      if (used.has(problem.question)) continue;
      used.add(problem.question);
      problems.push(problem);
    }
    return problems;
  };
  return { test: draw(160), validation: draw(60), train: draw(1_600) };
}
