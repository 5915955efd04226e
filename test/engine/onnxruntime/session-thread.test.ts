/** Replicas of the onnx engine, one of which computes in another thread. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import type {
  Engine,
  NamedArrays,
  Program,
  ProgramFunction,
  Signature,
} from '../../../harness/engine/types.ts';

const size = 8;
const vector = { shape: [size], dtype: 'float32' } as const;
const numbers = (from: number): Float32Array => Float32Array.from({ length: size }, (_, i) => from + i);

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ name: 'onnx', threads: 2 });
});

const signature = (name: string): Signature => ({
  name,
  frozen: engine.freeze({ W: { shape: [size], data: numbers(3) } }),
  state: { s: vector },
  inputs: { x: vector, n: { shape: [], dtype: 'int32' } },
});
const state = (): ReturnType<Engine['state']> => engine.state({ s: { shape: [size], data: numbers(1) } });

/** A program that reads all kinds of operands: frozen, random, state and inputs. */
const program: ProgramFunction = ({ frozen: { W }, state: { s }, inputs: { x, n }, random }) => {
  const next = s!.mul(W!).add(random({ kind: 'dropout', rate: 0, name: 'noise', shape: [size] }));
  return { state: { s: next }, outputs: { y: next.sub(x!).mul(n!.cast('float32')), n: n!.mul(n!) } };
};

function compileAll(name: string, of: ProgramFunction = program): Promise<Program[]> {
  const shared = signature(name);
  return Promise.all([engine, ...engine.replicas!].map((each) => each.compile(shared, of)));
}

describe('replicas', () => {
  test('are two where the threads of the CPU can be halved', async () => {
    const counted = (threads: number): Promise<number | undefined> =>
      createEngine({ name: 'onnx', threads }).then(({ replicas }) => replicas?.length);
    expect([await counted(1), await counted(3), await counted(4)]).toEqual([undefined, undefined, 2]);
    expect((await createEngine({ name: 'js' })).replicas).toBeUndefined();
  });

  test('compute what the engine itself computes, at the same time and one after the other', async () => {
    const [own, ...others] = await compileAll('of everything');
    const inputs = { x: numbers(-2), n: Int32Array.of(5) };
    const runs = async (each: Program): Promise<[NamedArrays[], Float32Array]> => {
      const kept = state();
      const outputs = [];
      // Each run draws other numbers.
      for (let i = 0; i < 3; i++) outputs.push(await each.run(kept, inputs, (_, out) => out.fill(i)));
      return [outputs, (await kept.read()).s!];
    };
    const expected = await runs(own!);
    expect(expected[0][1]!.y).not.toEqual(expected[0][0]!.y);
    expect(expected[0][0]!.n).toEqual(Int32Array.of(25));
    expect(await Promise.all(others.map(runs))).toEqual([expected, expected]);
    for (const each of [own!, ...others]) await each.dispose();
  });

  test('say what is wrong, and go on', async () => {
    const [, , aside] = await compileAll('incomplete');
    const incomplete = aside!.run(state(), { x: numbers(0) }, () => undefined);
    await expect(incomplete).rejects.toThrow('program incomplete lacks its input n');
    const outside: ProgramFunction = ({ frozen: { W }, inputs: { n } }) => ({
      outputs: { y: W!.gather(n!.reshape([1])) },
    });
    const [own, , beside] = await compileAll('of a place', outside);
    const at = (n: number): NamedArrays => ({ x: numbers(0), n: Int32Array.of(n) });
    for (const each of [own!, beside!])
      await expect(each.run(state(), at(size))).rejects.toThrow(`idx=${size} must be within`);
    expect((await beside!.run(state(), at(2))).y).toEqual(Float32Array.of(5));
  });

  test.each([
    '',
    'await replicas[1].compile(' +
      '{ name: "none", frozen: engine.freeze({}), state: {}, inputs: {} }, () => ({ outputs: {} }));',
  ])('keep no process from ending that does %j', async (used) => {
    const create = pathToFileURL(join(import.meta.dirname, '../../../harness/engine/create.ts')).href;
    const code = [
      `import { createEngine } from ${JSON.stringify(create)};`,
      "const engine = await createEngine({ name: 'onnx', threads: 2 });",
      `const { replicas } = engine; ${used}`,
      'console.log(replicas.length);',
    ].join(' ');
    const { stdout } = await execa('node', ['--import', 'tsx', '--input-type=module', '-e', code]);
    expect(stdout).toBe('2');
  });

  test('of one base share its copy, and another gets its own', async () => {
    const [aside] = engine.replicas!.slice(1);
    const sum: ProgramFunction = ({ frozen: { W } }) => ({ outputs: { sum: W!.sum() } });
    const of = (W: Float32Array): Promise<Program> =>
      aside!.compile({ ...signature('sum'), frozen: engine.freeze({ W: { shape: [size], data: W } }) }, sum);
    const [low, high] = await Promise.all([of(numbers(0)), of(numbers(1))]);
    const given = { x: numbers(0), n: Int32Array.of(0) };
    expect((await low.run(state(), given)).sum).toEqual(Float32Array.of(28));
    await low.dispose();
    expect((await high.run(state(), given)).sum).toEqual(Float32Array.of(36));
    await high.dispose();
  });
});
