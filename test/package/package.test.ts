/**
 * The package as npm packs it, installed into folders of a user: what travels in it, its entry points and types,
 * methods and tasks of the folder in TypeScript, `init` and the test that it writes, a picture. The dependencies that
 * the package declares are links into the checkout's node_modules, so that no network is needed and an undeclared one
 * is missed.
 */
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../harness/support/project-root.ts';

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly bundleDependencies: readonly string[];
}

const folder = await mkdtemp(join(tmpdir(), 'deltabench-package-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The folder of npx, beside which nothing of the user's lies. */
const installed = join(folder, 'installed');
const packed = join(installed, 'node_modules', 'deltabench');
let manifest: Manifest;
let paths: string[];

/** Links a package of the checkout into another folder's node_modules. */
async function link(name: string, to: string): Promise<void> {
  const place = join(to, 'node_modules', name);
  await mkdir(dirname(place), { recursive: true });
  await symlink(join(projectRoot, 'node_modules', name), place);
}

/** The installed command line in a folder of the user. */
const bench = (cwd: string, ...args: string[]) =>
  execa(process.execPath, [join(packed, manifest.bin.deltabench!), ...args], {
    cwd,
    reject: false,
    env: { DELTABENCH_DATA: undefined, DELTABENCH_CACHE: join(folder, 'cache') },
  });

async function emptyFolder(name: string): Promise<string> {
  const place = join(folder, name);
  await mkdir(place);
  return place;
}

beforeAll(async () => {
  // The build is that of test/build.ts; one of its own would take dist away from the tests beside it.
  const args = ['pack', '--ignore-scripts', '--json', '--silent', '--pack-destination', folder];
  const { stdout } = await execa('npm', args, { cwd: projectRoot });
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [
    { filename: string; files: { path: string }[] },
  ];
  paths = files.map(({ path }) => path);
  await mkdir(packed, { recursive: true });
  await execa('tar', ['-xzf', join(folder, filename), '-C', packed, '--strip-components=1']);
  manifest = JSON.parse(await readFile(join(packed, 'package.json'), 'utf8')) as Manifest;
  const dependencies = Object.keys(manifest.dependencies);
  const outside = dependencies.filter((name) => !manifest.bundleDependencies.includes(name));
  await Promise.all(outside.map((name) => link(name, installed)));
});

test('it holds what runs and nothing of how it is made', () => {
  const folders = new Set(paths.map((path) => path.split('/')[0]!));
  expect([...folders].sort()).toEqual(
    ['CITATION.cff', 'LICENSE', 'NOTICE', 'README.md', 'dist', 'node_modules', 'package.json'].sort(),
  );
  const sources = paths.filter((path) => /^dist\/.*(?<!\.d)\.ts$/.test(path));
  expect(sources.filter((path) => !path.startsWith('dist/harness/cli/templates/'))).toEqual([]);
  const bundled = paths.flatMap((path) => /^node_modules\/(.+?)\//.exec(path)?.[1] ?? []);
  expect([...new Set(bundled)].sort()).toEqual(['canvas', 'chart.js-node-canvas', 'tslib']);
});

test('its entry points are there, in one copy', async () => {
  const code = `
    const entries = ['', '/method', '/task', '/evaluation'];
    const [all, method, task, evaluation] = await Promise.all(entries.map((one) => import('deltabench' + one)));
    const methods = await all.loadMethods();
    console.log(JSON.stringify({
      names: [all.run, all.table, all.collectRecords, method.defineMethod, task.encodePair, evaluation.ask]
        .map((one) => typeof one),
      count: methods.size,
      same: all.UsageError === task.UsageError && all.UsageError === evaluation.UsageError,
    }));`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', code], { cwd: installed });
  const builtIn = (await readdir(join(projectRoot, 'methods'))).filter((name) => name.endsWith('.ts'));
  expect(JSON.parse(stdout)).toEqual({
    names: Array(6).fill('function'),
    count: builtIn.length,
    same: true,
  });
});

test('in a folder without an installation, init writes what runs there, in child processes too', async () => {
  const own = await emptyFolder('without');
  const { stdout, exitCode } = await bench(own, 'init');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('methods/scale.ts is written.');
  expect(stdout).toContain('Next:');
  const args = ['--task', 'guests', '--method', 'scale', 'red', '--seeds', '1', '--max-steps', '2'];
  const ran = await bench(own, ...args, '--jobs', '2', '--threads', '2', '--json');
  expect(ran.exitCode, ran.stderr).toBe(0);
  const { runs } = JSON.parse(ran.stdout) as {
    runs: { path: string; status: string; code: { version: string; commit: unknown } }[];
  };
  expect(runs.map(({ status }) => status)).toEqual(['finished', 'finished']);
  expect(runs.every(({ path }) => path.startsWith(join(own, 'results')) || path.startsWith('results'))).toBe(
    true,
  );
  const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(runs[0]!.code).toEqual({ version, commit: null, dirty: null });

  const evaluated = await bench(own, 'eval', '--tasks', 'moods', '--model', 'gpt2-mini', '--threads', '2');
  expect(evaluated.exitCode, evaluated.stderr).toBe(0);
  expect(evaluated.stdout).toMatch(/^moods +1 +0 +4 +acc /m);

  const reported = await bench(own, 'report', '--format', 'png,html');
  expect(reported.exitCode, reported.stderr).toBe(0);
  const pictures = (await readdir(join(own, 'reports'), { recursive: true })).filter((name) =>
    name.endsWith('.png'),
  );
  const picture = await readFile(join(own, 'reports', pictures[0]!));
  expect(picture.subarray(1, 4).toString()).toBe('PNG');
});

test('what init writes is typed, and its test passes where deltabench is installed', async () => {
  const own = await emptyFolder('with');
  await bench(own, 'init');
  // As npm puts them into the folder's own node_modules.
  await cp(join(installed, 'node_modules'), join(own, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  for (const name of ['typescript', 'vitest', '@types/node']) await link(name, own);
  const types = await execa(process.execPath, ['node_modules/typescript/bin/tsc'], {
    cwd: own,
    reject: false,
  });
  expect(types.stdout).toBe('');
  const env = { DELTABENCH_DATA: undefined, DELTABENCH_CACHE: join(folder, 'cache'), VITEST: undefined };
  const ended = await execa(process.execPath, ['node_modules/vitest/vitest.mjs', 'run'], {
    cwd: own,
    reject: false,
    all: true,
    env,
  });
  expect(ended.exitCode, ended.all).toBe(0);
});

test('init leaves files alone that are there', async () => {
  const own = await emptyFolder('mine');
  await writeFile(join(own, 'package.json'), '{ "name": "mine" }');
  const { stdout, stderr } = await bench(own, 'init');
  expect(await readFile(join(own, 'package.json'), 'utf8')).toBe('{ "name": "mine" }');
  expect(stderr).toContain('package.json is there already and stays as it is.');
  expect(stdout).toContain('npm pkg set type=module');
});

test.each([
  ['red.ts', "export default { name: 'red' };", /red\.ts: label: /],
  [
    'wrong.ts',
    'export default {\n  name: ;\n};',
    /wrong\.ts cannot be loaded: line 2, column 9: Unexpected ";"/,
  ],
  ['other.js', "import 'not-there';", /other\.js cannot be loaded: Cannot find package 'not-there'/],
])('a broken %s is named with what is wrong', async (name, text, expected) => {
  const own = await mkdtemp(join(folder, 'broken-'));
  await mkdir(join(own, 'methods'));
  await writeFile(join(own, 'methods', name), text);
  const { stderr, exitCode } = await bench(own, 'list');
  expect(stderr).toMatch(expected);
  expect(exitCode).toBe(2);
});

test('a method that has a built-in name is refused with both files', async () => {
  const own = await emptyFolder('shadow');
  await mkdir(join(own, 'methods'));
  const source = await readFile(join(packed, 'dist', 'methods', 'red.js'), 'utf8');
  const text = source.replace('../harness/method.js', 'deltabench/method');
  await writeFile(join(own, 'methods', 'red.mjs'), text);
  const { stderr, exitCode } = await bench(own, 'list');
  expect(stderr).toMatch(/methods\/red\.mjs has the name "red", which .*dist\/methods\/red\.js has already/);
  expect(exitCode).toBe(2);
});

test('what GPUs need is set up from the package, and messages name a command that is there', async () => {
  const own = await emptyFolder('setup');
  const listed = await bench(own, 'list', 'engines');
  expect(listed.stdout).toMatch(/npx deltabench setup\s+tensorflow\s+brings it/);
  const wheel = await bench(own, 'setup', 'cuda', '--wheel', own);
  expect(wheel.stderr).toMatch(/^error: .*capi does not hold libonnxruntime_providers_shared\.so/);
  const addon = await bench(own, 'setup', 'tensorflow', '--wheel', own);
  expect(addon.stderr).toMatch(
    /^error: .*(holds no TensorFlow 2 wheel|is not installed; npm install brings it)/,
  );
  const unknown = await bench(own, 'setup', 'cuda13');
  expect([wheel, addon, unknown].map(({ exitCode }) => exitCode)).toEqual([2, 2, 2]);
});

test('its command line is a program', async () => {
  const file = join(packed, manifest.bin.bench!);
  await chmod(file, 0o755);
  const { stdout } = await execa(file, ['list', 'models'], { cwd: folder });
  expect(stdout).toContain('gpt2-mini');
});
