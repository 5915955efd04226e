/**
 * Requests as a tree of tokens: a beginning that several of them share is one branch, whose states the model
 * computes once. The nodes of a tree lie in one sequence in preorder, so a node's ancestors are the nodes
 * before it whose subtree has not ended. batches.ts makes batches of trees; program.ts reads them.
 */

/** A context and a continuation as token ids; neither is empty. */
export interface Request {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/** The nodes of a tree in preorder, as lists with one number for each node. */
export interface TokenTree {
  readonly ids: readonly number[];
  /** The number of tokens before it in its requests. */
  readonly depths: readonly number[];
  /** One past the last node of its subtree. */
  readonly ends: readonly number[];
  /**
   * −1 for nodes of continuations. Of contexts, the number of context tokens after it, or 0 where ends are
   * not separated.
   */
  readonly fromEnds: readonly number[];
  /** Every token of every continuation: the node that predicts it, its id, and the index of its request. */
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
 * The tree of some requests. With `separatesEnds` a context's token is shared only between contexts that end
 * equally far after it: methods may depend on where a prompt ends. The first `begun` tokens, which all contexts
 * have, are left out.
 */
export function treeOf(requests: readonly Request[], separatesEnds: boolean, begun = 0): TokenTree {
  const roots = new Map<number, Node>();
  requests.forEach((request, number) => {
    let children = roots;
    for (const token of tokensOf(request, separatesEnds).slice(begun)) {
      // Tokens of contexts and of continuations are separate nodes, since methods may act on prompts alone.
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

/** The tokens of a request that a model reads: all but the last. */
function tokensOf({ context, continuation }: Request, separatesEnds: boolean): Token[] {
  return [...context, ...continuation.slice(0, -1)].map((id, depth) => {
    const tokensAfter = Math.max(-1, context.length - 1 - depth);
    return { id, depth, fromEnd: separatesEnds ? tokensAfter : Math.min(tokensAfter, 0) };
  });
}

function flatten(roots: ReadonlyMap<number, Node>): TokenTree {
  const [ids, depths, ends, fromEnds]: [number[], number[], number[], number[]] = [[], [], [], []];
  const predictions: TokenTree['predictions'][number][] = [];
  // An explicit stack: contexts may be longer than JavaScript's call stack is deep.
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
