/** The judgements of a report in the form in which its page shows them. */
import type { JudgedExample } from '../../records/beside/judged-examples.ts';
import type { Judged } from '../report/report.ts';
import { judgementTitle, rateRows, trustLines } from './judgement-lines.ts';

/** A judgement on the page: its rates, how far to trust them, and the judged turns. */
export interface PageJudgement {
  readonly title: string;
  /** Rows of name, value and standard error. */
  readonly rates: readonly (readonly string[])[];
  readonly notes: readonly string[];
  /** The names of the judged answers, and of those they are compared with. */
  readonly names: readonly [string, string | null];
  readonly examples: readonly PageJudgedTurn[];
  /** The number of judged turns, of which the page may hold fewer. */
  readonly of: number;
}

export interface PageJudgedTurn {
  readonly name: string;
  readonly question: readonly string[];
  readonly answers: readonly string[];
  readonly other: readonly string[] | null;
  readonly verdict: string;
  /** Which answer the judge saw first, or what it said in each order; null in ratings. */
  readonly order: string | null;
  /** What the judge wrote. */
  readonly texts: readonly string[];
}

/** Makes the page's judgements with at most so many turns each; `cut` shortens a text. */
export function pageJudgements(
  judged: readonly Judged[],
  most: number,
  cut: (text: string) => string,
): PageJudgement[] {
  return judged.map(({ record, examples }) => {
    const names = [record.label, record.settings.against?.model ?? null] as const;
    return {
      title: judgementTitle(record),
      rates: rateRows(record),
      notes: trustLines(record),
      names,
      examples: examples.slice(0, most).map((example) => turnOf(example, names, cut)),
      of: record.judgements.of,
    };
  });
}

function turnOf(
  example: JudgedExample,
  names: PageJudgement['names'],
  cut: (text: string) => string,
): PageJudgedTurn {
  const { id, category, turn, question, answers, other, texts } = example;
  return {
    name: `Question ${id} (${category}), turn ${turn}`,
    question: question.map(cut),
    answers: answers.map(cut),
    other: other?.map(cut) ?? null,
    verdict: verdictText(example, names),
    order: orderText(example, names),
    texts: texts.map(cut),
  };
}

/** Who won, or the rating. */
function verdictText(
  { verdict, isFailed, other }: JudgedExample,
  [own, rival]: PageJudgement['names'],
): string {
  if (verdict === null)
    return isFailed ? 'no verdict: the call failed' : 'no verdict in the judge\u2019s text';
  if (typeof verdict === 'string') return winnerText(verdict, [own, rival]);
  if (other === null) return `rated ${verdict}`;
  // AlpacaEval's preference, a number from 1 to 2, half way between which both are as good.
  if (verdict === 1.5) return 'draw';
  return `${verdict > 1.5 ? own : rival!} is better`;
}

function winnerText(winner: string, [own, rival]: PageJudgement['names']): string {
  if (winner === 'tie') return 'tie';
  return `${winner === 'model_1' ? own : rival!} is better`;
}

function orderText({ isFirst, orders }: JudgedExample, names: PageJudgement['names']): string | null {
  const [own, rival] = names;
  if (orders) {
    const [first, second] = orders.map((one) => (one === null ? 'no verdict' : winnerText(one, names)));
    return `${own} shown first: ${first!}; ${rival!} shown first: ${second!}`;
  }
  return isFirst === undefined ? null : `${isFirst ? own : rival!} was shown first`;
}
