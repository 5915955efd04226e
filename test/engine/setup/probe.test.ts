/** The probe of all engines on this machine. */
import { expect, test } from 'vitest';
import { probeEngines } from '../../../harness/engine/setup/probe.ts';

test('what needs nothing works, and whatever does not work says why and what to do', async () => {
  const probes = await probeEngines();
  expect(probes.map(({ engine, device }) => `${engine} ${device}`).slice(0, 4)).toEqual([
    'onnx cpu',
    'onnx webgpu',
    'onnx cuda',
    'js cpu',
  ]);
  expect(probes.filter(({ works }) => works).map(({ engine }) => engine)).toEqual(
    expect.arrayContaining(['onnx', 'js']),
  );
  for (const { works, detail, remedy } of probes) {
    expect(detail).not.toBe('');
    expect(remedy === undefined).toBe(works);
  }
});
