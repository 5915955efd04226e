/**
 * Requests as a tree of tokens: what several of them begin with is one branch, whose states a model computes once. The
 * nodes of a tree lie in one sequence, each subtree without a gap behind its root, so that a node's ancestors are the
 * nodes before it whose subtree has not ended.
 */

/** A context and a continuation, as token ids, neither of them empty. */
export interface Request {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/** The nodes of a tree in order, as lists of one number for each node. */
export interface TokenTree {
  readonly ids: readonly number[];
  /** How many tokens stand before it in its requests. */
  readonly depths: readonly number[];
  /** One past the last node of its subtree. */
  readonly ends: readonly number[];
  /** How many tokens of its context stand behind it, where contexts are told apart by that, else 0; -1 for nodes of continuations. */
  readonly fromEnds: readonly number[];
  /** Every token of every continuation: the node that predicts it, its id, and the request, by its place. */
  readonly predictions: readonly { readonly node: number; readonly id: number; readonly request: number }[];
}

interface Node extends Token {
  readonly children: Map<number, Node>;
  readonly predicts: { readonly id: number; readonly request: number }[];
}
interface Token {
  readonly id: number;
  readonly depth: number;
  readonly fromEnd: number;
}

/**
 * The tree of some requests. With `tellsEnds` tokens of contexts are shared only where as many tokens of the context stand
 * behind them: for methods that depend on where a prompt ends.
 */
export function treeOf(requests: readonly Request[], tellsEnds: boolean): TokenTree {
  const roots = new Map<number, Node>();
  requests.forEach((request, number) => {
    let children = roots;
    for (const token of tokensOf(request, tellsEnds)) {
      // Tokens of continuations and of contexts are told apart, since methods may act on prompts alone.
      const key = token.id * 2 ** 24 + token.fromEnd + 1;
      let node = children.get(key);
      if (!node) children.set(key, (node = { ...token, children: new Map(), predicts: [] }));
      const next = token.depth + 1 - request.context.length;
      if (next >= 0) node.predicts.push({ id: request.continuation[next]!, request: number });
      children = node.children;
    }
  });
  return flatten(roots);
}

/** The tokens that a model reads of a request: all but the last. */
function tokensOf({ context, continuation }: Request, tellsEnds: boolean): Token[] {
  return [...context, ...continuation.slice(0, -1)].map((id, depth) => {
    const behind = Math.max(-1, context.length - 1 - depth);
    return { id, depth, fromEnd: tellsEnds ? behind : Math.min(behind, 0) };
  });
}

function flatten(roots: ReadonlyMap<number, Node>): TokenTree {
  const [ids, depths, ends, fromEnds]: [number[], number[], number[], number[]] = [[], [], [], []];
  const predictions: TokenTree['predictions'][number][] = [];
  // A stack of its own, since contexts may be longer than JavaScript's is high.
  const open: { readonly place: number; readonly left: Node[] }[] = [];
  const leftOf = (nodes: ReadonlyMap<number, Node>): Node[] => [...nodes.values()].reverse();
  const enter = ({ id, depth, fromEnd, children, predicts }: Node): void => {
    const place = ids.push(id) - 1;
    depths.push(depth);
    fromEnds.push(fromEnd);
    predictions.push(...predicts.map((predicted) => ({ node: place, ...predicted })));
    open.push({ place, left: leftOf(children) });
  };
  for (const root of roots.values()) {
    enter(root);
    for (let top = open.at(-1); top; top = open.at(-1)) {
      const next = top.left.pop();
      if (next) enter(next);
      else ends[open.pop()!.place] = ids.length;
    }
  }
  return { ids, depths, ends, fromEnds, predictions };
}
