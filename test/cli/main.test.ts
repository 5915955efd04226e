// Tests of help, lists, params, refusals and dry runs of the command line.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { benchIn } from './bench.ts';
import { benchInside } from './inside.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));

const bench = benchInside(folder);
const benchProcess = benchIn(folder);

const base = 'random-gpt2~layers=2,width=64,heads=2';
const results = join(folder, 'results');
const run = ['--task', 'e2e', '--method', 'red', '--model', base, '--results', results];

describe('help and lists', () => {
  test('help names every command', async () => {
    const { stdout, exitCode } = await benchProcess('--help');
    expect(exitCode).toBe(0);
    const commands = [
      'run',
      'list',
      'params',
      'score',
      'report',
      'reproduce',
      'status',
      'check',
      'export',
      'merge',
      'fetch',
      'pretrain',
      'doctor',
    ];
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  test('list methods shows options with defaults and descriptions', async () => {
    const { stdout, exitCode } = await bench('list', 'methods');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^red +RED +Wu et al\. 2024/m);
    expect(stdout).toMatch(/^ +position +ffn \| attn \| ffn\+attn \| block \| all, default ffn: after the$/m);
    expect(stdout).toContain('red~no-scaling');
    for (const list of ['methods', 'tasks', 'engines', 'protocol', 'recipes'])
      for (const line of (await bench('list', list)).stdout.split('\n')) {
        // A recipe's task, base and method may leave no room for its settings.
        if (list !== 'recipes' || !line.includes('seeds')) expect(line.length, line).toBeLessThanOrEqual(80);
      }
  });

  test('list protocol says what each side does and which is recommended', async () => {
    const { stdout } = await bench('list', 'protocol');
    expect(stdout).toMatch(/^optimizer-adamw: the paper says AdamW; /m);
    expect(stdout).toMatch(
      /^ {4}code +the AdamW that transformers used to ship [^]*?\(recommended,\s+published\)$/m,
    );
  });

  test('list --json is one document with every list', async () => {
    const { stdout } = await bench('list', '--json');
    const lists = JSON.parse(stdout) as Record<'tasks' | 'methods', { name: string }[]> & {
      recipes: { settings: { name: string }[]; published: object[] };
    };
    expect(Object.keys(lists)).toEqual([
      'tasks',
      'methods',
      'evaluations',
      'models',
      'families',
      'recipes',
      'protocol',
      'engines',
    ]);
    expect(lists.methods.map(({ name }) => name)).toEqual(expect.arrayContaining(['full', 'lora', 'red']));
    expect(lists.recipes.settings.map(({ name }) => name)).toContain('learningRate');
    expect(lists.recipes.published).toContainEqual(
      expect.objectContaining({ source: 'red/table-9', model: 'roberta-base', task: 'rte', method: 'red' }),
    );
  });
});

describe('params', () => {
  test.each([
    ['gpt2-medium', 'red', 49_152],
    ['gpt2-medium', 'lora', 786_432],
    ['gpt2-medium', 'full', 354_823_168],
    ['gpt2-large', 'red', 92_160],
    ['gpt2-large', 'lora', 1_474_560],
  ])('%s with %s trains %d parameters', async (model, method, expected) => {
    const { stdout } = await bench('params', '--model', model, '--method', method, '--tensors', '--json');
    const { methods } = JSON.parse(stdout) as {
      methods: {
        trained: number;
        head: number;
        trainedWithHead: number;
        tensors: { parameters: number }[];
      }[];
    };
    expect(methods).toHaveLength(1);
    expect(methods[0]).toMatchObject({ trained: expected, head: 0, trainedWithHead: expected });
    expect(methods[0]!.tensors.reduce((total, { parameters }) => total + parameters, 0)).toBe(expected);
  });

  test('tells the memory of Llama-2-7B in four bits from its name alone', async () => {
    const command = ['params', '--model', 'meta-llama/Llama-2-7b-hf', '--base-weights'];
    const { stdout } = await bench(...command, 'nf4');
    expect(stdout).toMatch(/^lora \(LoRA\) on meta-llama\/Llama-2-7b-hf\n {2}trainable params: 4,194,304 /);
    expect(stdout).toMatch(/\n {2}weights +4\.4 GiB {2}nf4\n {2}trained state +64 MiB {2}parameters/);
    expect(stdout).toMatch(/\n {2}activations .* tokens at once\n {2}keys and values .* decoded at once\n/);
    const whole = await bench(...command, 'float32', '--method', 'lora', 'full', '--json');
    const { methods } = JSON.parse(whole.stdout) as { methods: { memory: Record<string, number> }[] };
    expect(methods.map(({ memory }) => memory)).toMatchObject([
      { weights: 4 * 6_738_415_616, trained: 16 * 4_194_304 },
      { weights: 0, trained: 16 * 6_738_415_616 },
    ]);
    const halved = await bench(...command, 'nf4', '--set', 'batchSize=1', 'promptLength=64', '--json');
    expect(JSON.parse(halved.stdout)).toMatchObject({ methods: [{ memory: { batchTokens: 164 } }] });
  });

  test("prints peft's line", async () => {
    const { stdout } = await bench('params', '--model', 'gpt2-medium', '--method', 'red');
    expect(stdout).toContain('trainable params: 49,152 || all params: 354,872,320 || trainable%: 0.0139');
  });
});

describe('what is wrong is one clear line, exit code 2, and nothing written', () => {
  test.each([
    [['lits'], /There is no command "lits"\. Did you mean "list"\?/],
    [
      ['run', '--task', 'cola', '--method', 'red', '--model', 'x', '--recipe', 'roberta-bas'],
      /no published recipe of "roberta-bas"\. Did you mean "roberta-base"\? Recipes: none, gpt2-mini, .*, roberta-base/,
    ],
    [['list', 'metods'], /There is no list of "metods"\. Did you mean "methods"\?/],
    [['--metod', 'red'], /unknown option '--metod'; did you mean --method\?/],
    [[...run, '--task', 'e2ee'], /There is no task "e2ee"\. Did you mean "e2e"\? Tasks: .*e2e/],
    [[...run, '--method', 'lorra'], /There is no method "lorra"\. Did you mean "lora"\?/],
    [[...run, '--method', 'lora~rnak=2'], /lora has no option "rnak"\. Did you mean "rank"\?/],
    [[...run, '--method', 'lora~rank=0'], /lora: rank=0 is not allowed/],
    [
      [...run, '--method', 'red~no-scaling~no-bias', '--data', folder],
      /red~no-scaling~no-bias: RED without scaling/,
    ],
    [[...run, '--engine', 'onyx'], /There is no engine "onyx"\. Did you mean "onnx"\?/],
    [[...run, '--set', 'learningRate'], /"learningRate" is not of the form key=value/],
    [
      [...run, '--set', 'learningrat=1'],
      /There is no setting "learningrat": .*Did you mean "learningRate"\?/,
    ],
    [[...run, '--set', 'batchSize=x'], /--set: batchSize=x is not allowed/],
    [[...run, '--seeds', '4x'], /'4x' is invalid.*whole number/],
    [[...run, '--max-steps', '-1'], /'-1' is invalid.*whole number from 0/],
    [[...run, '--data', '/nowhere'], /--data names \/nowhere, which is no folder/],
    [
      [...run, '--model', 'random-gpt2~layer=2', '--data', folder],
      /no setting "layer"\. Did you mean "layers"\?/,
    ],
    [[...run, '--results', folder], /--results is given twice, as .*results and as .*: it takes one value/],
    [[...run, '--jobs', '2', '--launcher', 'slurm'], /--jobs is for work on this machine/],
    [[...run, '--slurm', 'gpus=1'], /--slurm says how --launcher slurm submits jobs: add that/],
    [[...run, '--adapter', ''], /The value after --adapter is empty, as a shell's variable/],
    [['report', '--out='], /The value after --out is empty/],
    [['', 'red'], /The first argument is empty/],
    [[...run, '--retry', 'all'], /--retry all: it can only be "failed"/],
    [['params', '--method', 'red'], /params needs --model <base>: /],
    [['params', '--model', 'gpt2'], /Say which with --method/],
    [
      ['params', '--model', 'gpt2', '--method', 'red', '--task', 'e2e'],
      /--task changes the memory alone, which --base-weights tells/,
    ],
    [
      ['params', '--model', 'gpt2', '--method', 'full', '--base-weights', 'nf4'],
      /full trains \d+ of the weights that the base keeps in nf4/,
    ],
    [['fetch', 'data', 'e2ee'], /There is no task "e2ee"\. Did you mean "e2e"\?/],
  ])('%j', async (args, expected) => {
    const { stdout, stderr, exitCode } = await bench(...args);
    expect(stderr).toMatch(expected);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([stdout, exitCode]).toEqual(['', 2]);
    // The command may have made the results folder to test for permission, but it must be empty.
    expect(await readdir(results).catch(() => [])).toEqual([]);
  });

  test('a process ends with that line and code', async () => {
    const { stdout, stderr, exitCode } = await benchProcess('lits');
    expect(stderr).toMatch(/^error: There is no command "lits"\. Did you mean "list"\? Commands: .*$/);
    expect([stdout, exitCode]).toEqual(['', 2]);
  });

  test('a results folder that cannot be written is said before anything else', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const { stderr, exitCode } = await bench(...run.slice(0, -1), join(file, 'results'), '--data', folder);
    expect(stderr).toMatch(/^error: Cannot write .*file.*\.$/);
    expect(exitCode).toBe(2);
  });
});

test('--dry-run prints every setting and writes nothing', async () => {
  const args = [...run, '--seeds', '42', '43', '--set', 'learning-rate=0.01', '--dry-run'];
  const { stdout, exitCode } = await bench(...args);
  expect(exitCode).toBe(0);
  expect(stdout).toContain(join(results, 'e2e', base, 'red', 'seed-43.json'));
  expect(stdout).toMatch(/^setting +value +from$/m);
  expect(stdout).toMatch(/^red\.position +ffn +default$/m);
  expect(stdout).toMatch(/^learningRate +0\.01 +--set$/m);
  const { cells } = JSON.parse((await bench(...args, '--json')).stdout) as { cells: object[] };
  expect(cells).toHaveLength(2);
  expect(cells[0]).toMatchObject({ state: 'missing', seed: 42, recipe: { learningRate: 0.01 } });
});
