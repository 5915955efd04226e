/**
 * `npm run bench:speed`: times deltabench and PyTorch (with transformers and peft) in turns, case by case. It
 * appends each case's times to reports/speed.jsonl, so that several sittings add up, and writes
 * reports/speed.md from all of them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeFileAtomic } from '../../harness/support/atomic-files.ts';
import { projectRoot } from '../../harness/support/project-root.ts';
import { listCases, topics, type Case } from './cases.ts';
import { speedReport } from './report.ts';
import { addResult, describeMachine, readResults } from './results.ts';
import { takeTurns } from './turns.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    alternations: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    device: { type: 'string', default: 'cpu' },
    'lm-eval-batch': { type: 'string' },
  },
});
const times = join(projectRoot, 'reports/speed.jsonl');
const report = join(projectRoot, 'reports/speed.md');
const title = ({ topic, name, method, engine }: Case): string =>
  [topic, name, method, engine].filter(Boolean).join(', ');

const folder = await mkdtemp(join(tmpdir(), 'deltabench-speed-'));
try {
  const cases = await listCases({
    threads: values.threads,
    device: values.device,
    python: process.env.DELTABENCH_PYTHON ?? 'python3',
    data: process.env.DELTABENCH_DATA,
    bases: process.env.DELTABENCH_BASES,
    lmEval: process.env.DELTABENCH_LM_EVAL,
    lmEvalBatch: values['lm-eval-batch'],
    folder,
  });
  const chosen = cases.filter((each) => (values.only ? title(each).includes(values.only) : !each.onDemand));
  if (chosen.length === 0) {
    console.error(`no case has "${values.only}" in its name; there are\n${cases.map(title).join('\n')}`);
    process.exitCode = 2;
  }
  const machine = await describeMachine(Number(values.threads));
  for (const [i, each] of chosen.entries()) {
    console.error(`${i + 1} of ${chosen.length}: ${title(each)}`);
    const sides = await takeTurns(each.sides, each.steps, Number(values.alternations));
    const own = sides.deltabench!;
    if ('missing' in own) throw new Error(`${title(each)}: deltabench does not run: ${own.missing}`);
    await addResult(times, machine, each, sides);
    const results = await readResults(times);
    const order = (topic: Case['topic']): number => topics.indexOf(topic);
    results.sort((a, b) => order(a.topic) - order(b.topic));
    await writeFileAtomic(report, speedReport(results));
  }
  if (chosen.length > 0) console.error(report);
} finally {
  await rm(folder, { recursive: true });
}
