/**
 * The built-in instructions whose answers follow from them: the built-in data of the tasks ultrafeedback and
 * alpaca, whose sets are too long for small models. Some name a text that the instruction is about.
 */
import { seededRandom, type SeededRandom } from '../../../synthetic/random.ts';
import type { InstructionRow, InstructionSet } from '../rows.ts';

const names = 'Anna Jane John Mary Mark Sarah Peter David Thomas Ruth Edward Maria'.split(' ');
const nouns =
  'dog cat horse bird flower house boat rose coat book king soldier river garden letter song apple bread star'.split(
    ' ',
  );
const verbs = ['sees', 'draws', 'likes', 'finds', 'paints', 'wants'];

/** A sentence of three parts. */
const drawFact = (random: SeededRandom): { who: string; does: string; what: string } => ({
  who: random.pick(names),
  does: random.pick(verbs),
  what: random.pick(nouns),
});

/** Ways to make an instruction with its answer. */
const requests: readonly ((random: SeededRandom) => InstructionRow)[] = [
  (random) => {
    const word = random.pick(nouns);
    const other = random.pick(nouns);
    return row(`Write the words ${word} and ${other}.`, '', `${word} and ${other}`);
  },
  (random) => {
    const words = random.shuffle(nouns).slice(0, 3);
    return row('Write the first of these words.', words.join(', '), words[0]!);
  },
  (random) => {
    const words = random.shuffle(nouns).slice(0, 3);
    return row('Write the last of these words.', words.join(', '), words[2]!);
  },
  (random) => {
    const { who, does, what } = drawFact(random);
    return row(`Say that ${who} ${does} the ${what}.`, '', `${who} ${does} the ${what}.`);
  },
  (random) => {
    const { who, does, what } = drawFact(random);
    return row(`Who ${does} the ${what}?`, `${who} ${does} the ${what}.`, `${who} ${does} it.`);
  },
  (random) => {
    const { who, does, what } = drawFact(random);
    return row('Say who it is that the text names.', `${who} ${does} the ${what}.`, `It is ${who}.`);
  },
];

const row = (instruction: string, input: string, output: string): InstructionRow => ({
  instruction,
  input,
  output,
});

/**
 * Instructions of all kinds in turn, drawn with a fixed seed: 150 to test, 60 to validate, 1,600 to train. The
 * splits share none.
 */
export function builtinRequests(): Pick<InstructionSet, 'train' | 'validation' | 'test'> {
  const random = seededRandom('deltabench: requests');
  const used = new Set<string>();
  const draw = (count: number): InstructionRow[] => {
    const rows: InstructionRow[] = [];
    while (rows.length < count) {
      const made = requests[rows.length % requests.length]!(random);
      const key = `${made.instruction}\n${made.input}`;
      if (used.has(key)) continue;
      used.add(key);
      rows.push(made);
    }
    return rows;
  };
  return { test: draw(150), validation: draw(60), train: draw(1_600) };
}
