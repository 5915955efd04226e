/**
 * The built-in questions about everyday things, with named answers: the built-in data of the task commonsense
 * and of the evaluations everyday-*. Small models can learn them, since an answer hangs on one noun.
 */
import { seededRandom, type SeededRandom } from '../../../synthetic/random.ts';

/** A question with its answers. */
export interface EverydayQuestion {
  /** The name of the set, a key of {@link everydaySets}. */
  readonly set: string;
  /** The question and the list of its answers, as one instruction. */
  readonly instruction: string;
  /** Each answer as a whole sentence, which says why and ends with the answer's name. */
  readonly sentences: readonly string[];
  /** The index of the right answer. */
  readonly gold: number;
}

interface EverydaySet {
  /** What the set asks, as a short title. */
  readonly label: string;
  /** Questions; `*` stands for the noun with its article, `@` for somebody's name. */
  readonly frames: readonly string[];
  /** Each answer, in the order in which it is always listed, with the nouns that it is right for. */
  readonly answers: Readonly<Record<string, string>>;
}

/** What is asked about nouns: four sets of four answers. Nouns of one set have one right answer each. */
export const everydaySets: Readonly<Record<string, EverydaySet>> = {
  kinds: {
    label: 'Kinds',
    frames: [
      'What is *?',
      'Of what kind is *?',
      '@ draws *. What is it?',
      '@ sees *. What is it?',
      '@ writes of *. What is it?',
    ],
    answers: {
      'an animal': 'dog cat horse bird cow fox goat rabbit',
      'a person': 'king soldier servant doctor teacher farmer judge captain',
      'a place': 'city town village garden river mountain market church',
      'an instrument': 'harp trumpet drum violin piano guitar flute horn',
    },
  },
  uses: {
    label: 'Uses',
    frames: [
      'What is * for?',
      'Why does one make *?',
      '@ has *. What is it for?',
      '@ is given *. What is it for?',
      '@ looks for *. What is it for?',
    ],
    answers: {
      'to be eaten': 'apple pizza cake pie fig pear egg orange',
      'to be worn': 'coat shirt dress robe cap hat glove shoe',
      'to be steered': 'boat train bus car wagon ship cart plane',
      'to be read': 'book letter novel story poem magazine psalm diary',
    },
  },
  places: {
    label: 'Places',
    frames: [
      'Where does one find *?',
      'Where is * at home?',
      '@ looks at *. Where is it?',
      '@ thinks of *. Where is it?',
      '@ asks for *. Where is it?',
    ],
    answers: {
      'in the sea': 'fish whale shark wave reef island anchor crab',
      'in the sky': 'star cloud moon sun eagle kite rainbow planet',
      'in the house': 'bed table chair lamp carpet mirror kettle cupboard',
      'in the field': 'tree cow sheep plough goat hedge calf barn',
    },
  },
  sizes: {
    label: 'Sizes',
    frames: [
      'How large is *?',
      'Of what size is *?',
      '@ paints *. How large is it?',
      '@ has seen *. How large is it?',
      '@ dreams of *. How large is it?',
    ],
    answers: {
      'as large as a finger': 'ring coin needle seed key nail bee bean',
      'as large as a hand': 'cup rat glove rose egg candle knife spoon',
      'as large as a man': 'door chair lion soldier harp bed queen statue',
      'as large as a hill': 'castle church palace tower mountain city temple village',
    },
  },
};

const names = 'Anna Jane John Mary Mark Sarah Peter David Thomas Ruth Edward Maria'.split(' ');
const article = (noun: string): string => (/^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`);
const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

/** All questions of a set, shuffled. */
function questionsOf(set: string, random: SeededRandom): EverydayQuestion[] {
  const { frames, answers } = everydaySets[set]!;
  const texts = Object.keys(answers);
  const list = texts.map((answer, i) => `answer${i + 1}: ${answer}`).join(' ');
  const asked = frames.flatMap((frame) =>
    frame.includes('@') ? names.map((name) => frame.replace('@', name)) : [frame],
  );
  const questions = Object.values(answers).flatMap((nouns, gold) =>
    nouns.split(' ').flatMap((noun) =>
      asked.map((question) => ({
        set,
        instruction: `${question.replace('*', article(noun))} ${list}`,
        sentences: texts.map(
          (answer, i) => `${capital(article(noun))} is ${answer}: the correct answer is answer${i + 1}`,
        ),
        gold,
      })),
    ),
  );
  return random.shuffle(questions);
}

/**
 * The questions of all sets, drawn with a fixed seed: of each set 40 to test, 15 to validate, 400 to train. The
 * splits share nouns, and no question.
 */
export function builtinEveryday(): Record<'train' | 'validation' | 'test', EverydayQuestion[]> {
  const random = seededRandom('deltabench: everyday things');
  const sets = Object.keys(everydaySets).map((set) => questionsOf(set, random));
  const part = (from: number, to: number): EverydayQuestion[] => sets.flatMap((all) => all.slice(from, to));
  return { test: part(0, 40), validation: part(40, 55), train: random.shuffle(part(55, 455)) };
}
