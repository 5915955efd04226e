/** The command `bench judge`. It reads options, asks before money is spent and prints rates; runs/judge works. */
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { dollars, readPrice, type Effort, type Price } from '../../judging/cost.ts';
import type { JudgementRecord, JudgementSettings } from '../../records/judgement-record.ts';
import { judgementTitle, rateRows, trustLines } from '../../reporting/judged/judgement-lines.ts';
import type { JudgeRequest } from '../../runs/judge/judge-answers.ts';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { positive } from '../arguments/parse-values.ts';
import { columns, note, print, printJson } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';
import { endStopped, stopOnSignals } from '../terminal/stop-on-signals.ts';

interface Options extends Omit<JudgeRequest, 'record'> {
  readonly prices?: string;
  readonly yes?: true;
  readonly json?: true;
}

/** Makes the command `bench judge`, which lets a model judge the answers that `bench eval` wrote. */
export function judgeCommand(): Command {
  return new Command('judge')
    .summary('let a model judge the answers that eval wrote')
    .description(
      'Judges answers to AlpacaEval or MT-Bench as their own programs do. It says first what that costs; every reply ' +
        'is kept as it comes, and nothing is asked twice. OPENAI_API_KEY holds the key of an endpoint.',
    )
    .argument('<record>', "the answers' record, results/evaluations/MODEL/METHOD/mt-bench-….json")
    .option('--judge <who>', 'address of an OpenAI-compatible endpoint, such as https://…/v1, or local:BASE')
    .option('--judge-model <name>', "the judge's name at the endpoint, such as gpt-4")
    .option('--judgements <file>', 'recorded judgements: they judge, or the judge is compared with them')
    .option('--against <record>', 'compare with these answers (MT-Bench: pairwise, in both orders)')
    .option('--prices <file>', "dollars a token by model, in the form of LiteLLM's table")
    .option('--parallel <n>', 'calls at once', positive, 4)
    .option('--yes', 'ask the judge without a question before')
    .option('--data <place>', 'hub, or a folder (default: DELTABENCH_DATA, else the hub)')
    .option('--results <folder>', 'where records lie', 'results')
    .option('--engine <name>', 'what computes a local judge (see: list engines)', 'onnx')
    .option('--device <name>', 'cpu, webgpu, cuda, cuda:1')
    .option('--threads <number>', 'threads of the CPU (default: all)', positive)
    .option('--json', 'print one JSON document')
    .action(judge);
}

async function judge(path: string, { prices, yes, json, ...options }: Options): Promise<void> {
  const { judgeModel } = options;
  if (prices !== undefined && judgeModel === undefined)
    throw new UsageError('--prices has the prices of models by name: give --judge-model too.');
  const price = prices === undefined ? undefined : await readPrice(prices, judgeModel!);
  // Imported when needed, so that help does not wait for the engines.
  const { judgeAnswers } = await import('../../runs/judge/judge-answers.ts');
  const progress = createProgress();
  const controller = stopOnSignals(() => {
    progress.stop();
  });
  const events = {
    onNote(text: string) {
      progress.stop();
      note(text);
    },
    onProgress(done: number, total: number) {
      progress.update({ phase: 'calls', done, total, detail: '' });
    },
    agree: (effort: Effort, who: JudgementSettings['judge']) => agree(effort, who, price, yes === true),
  };
  let judged: Awaited<ReturnType<typeof judgeAnswers>>;
  try {
    judged = await judgeAnswers({ ...options, record: path }, events, controller.signal);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    endStopped();
    return;
  } finally {
    progress.stop();
  }
  if (json) printJson(judged);
  else {
    print(judgementText(judged.record, price));
    note(`\nRecord: ${judged.path}`);
  }
  if (judged.record.judgements.failed > 0) process.exitCode = 1;
}

/** Says what is to be asked; throws UsageError unless the user agrees where money may be spent. */
async function agree(
  effort: Effort,
  { kind, model }: JudgementSettings['judge'],
  price: Price | undefined,
  isAgreed: boolean,
): Promise<void> {
  const number = (value: number): string => value.toLocaleString('en');
  const isLocal = kind === 'local';
  const counted = isLocal ? 'counted by its tokenizer' : 'estimated at four bytes a token';
  const lines = [
    `${model} is to be asked ${number(effort.calls)} ${effort.calls === 1 ? 'time' : 'times'}:`,
    `  ${number(effort.promptTokens)} tokens of prompts (${counted}),`,
    `  at most ${number(effort.replyTokens)} tokens of replies.`,
    ...(price
      ? [
          `  Price: ${money(dollars(price, { ...effort, replyTokens: 0 }))} to ${money(dollars(price, effort))}.`,
        ]
      : []),
  ];
  note(lines.join('\n'));
  // A local judge spends time alone.
  if (isLocal || isAgreed) return;
  if (!process.stdin.isTTY)
    throw new UsageError('Nothing was asked: there is no terminal to say yes; give --yes to go on.');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('Go on? [y/N] ');
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('Nothing was asked.');
}

const money = (amount: number): string => `$${amount.toFixed(amount < 1 ? 4 : 2)}`;

/** The rates of a record, and what they are to be read with. */
function judgementText(record: JudgementRecord, price: Price | undefined): string {
  const { metrics, judgements, tokens } = record;
  const spent = price
    ? `, ${money(dollars(price, { promptTokens: tokens.prompt, replyTokens: tokens.reply }))}`
    : '';
  return [
    `${judgementTitle(record)}\n`,
    metrics.length === 0
      ? 'No judgement has a verdict.'
      : columns([['metric', 'value', '± error'], ...rateRows(record)]),
    '',
    ...trustLines(record),
    ...(tokens.prompt > 0 ? [`tokens: ${tokens.prompt} of prompts, ${tokens.reply} of replies${spent}`] : []),
    ...(judgements.failed > 0 ? ['The same command asks the failed calls again.'] : []),
  ].join('\n');
}
