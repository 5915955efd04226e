/**
 * METEOR 1.5's search for the best alignment of two sentences: a beam over the reference's words, left to
 * right. Where a rule looks odd, the original program has it, and its scores depend on it.
 */

/**
 * A span of the hypothesis that may match a span of the reference; `module` is 0 exact, 1 stem, 2 synonym, 3
 * paraphrase.
 */
export interface Candidate {
  readonly module: number;
  readonly referenceLength: number;
  readonly hypothesis: number;
  readonly hypothesisLength: number;
}

/** A candidate with the reference word at which it starts. */
export interface Match {
  readonly candidate: Candidate;
  readonly reference: number;
}

const BEAM = 40;

interface Chosen extends Match {
  readonly before: Chosen | undefined;
}

/** An alignment of the first reference words. Steps change it in place; alternatives are copies. */
class Path {
  hypothesisMatches = 0;
  referenceMatches = 0;
  chunks = 0;
  distance = 0;
  /** The reference word after the last match or skip. */
  next = 0;
  /** The hypothesis word after the last match; −1 after a skip. */
  lastEnd = -1;
  chosen: Chosen | undefined;

  copy(): Path {
    const copy = new Path();
    copy.hypothesisMatches = this.hypothesisMatches;
    copy.referenceMatches = this.referenceMatches;
    copy.chunks = this.chunks;
    copy.distance = this.distance;
    copy.lastEnd = this.lastEnd;
    copy.chosen = this.chosen;
    return copy;
  }

  /** Whether the path already uses a hypothesis word of the candidate. */
  overlaps({ hypothesis, hypothesisLength }: Candidate): boolean {
    for (let chosen = this.chosen; chosen; chosen = chosen.before) {
      const { candidate } = chosen;
      if (
        candidate.hypothesis < hypothesis + hypothesisLength &&
        hypothesis < candidate.hypothesis + candidate.hypothesisLength
      ) {
        return true;
      }
    }
    return false;
  }

  /** Adds a match but not its distance. Exact matches weigh 1, others 0.5; sums are cut to integers. */
  take(candidate: Candidate, reference: number): void {
    const weight = candidate.module === 0 ? 1 : 0.5;
    this.hypothesisMatches = Math.trunc(this.hypothesisMatches + candidate.hypothesisLength * weight);
    this.referenceMatches = Math.trunc(this.referenceMatches + candidate.referenceLength * weight);
    if (this.lastEnd !== -1 && candidate.hypothesis !== this.lastEnd) this.chunks++;
    this.next = reference + candidate.referenceLength;
    this.lastEnd = candidate.hypothesis + candidate.hypothesisLength;
    this.chosen = { candidate, reference, before: this.chosen };
  }

  skip(): void {
    if (this.lastEnd !== -1) this.chunks++;
    this.lastEnd = -1;
    this.next++;
  }
}

/** Orders paths: more matched words first, then fewer chunks, then the shorter distance. */
function rank({ hypothesisMatches, referenceMatches, chunks, distance }: Path): number {
  return (hypothesisMatches + referenceMatches) * 2 ** 42 - chunks * 2 ** 28 - distance;
}

/** Keeps as many of the best paths as the beam is wide; equal ones keep their order. */
function best(paths: Path[]): Path[] {
  if (paths.length === 1) return paths;
  const beam: Path[] = [];
  const ranks: number[] = [];
  for (const path of paths) {
    const own = rank(path);
    let place = ranks.length;
    while (place > 0 && own > ranks[place - 1]!) place--;
    if (place === BEAM) continue;
    for (let i = Math.min(ranks.length, BEAM - 1); i > place; i--) {
      ranks[i] = ranks[i - 1]!;
      beam[i] = beam[i - 1]!;
    }
    ranks[place] = own;
    beam[place] = path;
  }
  return beam;
}

/** Whether only one candidate covers each word of the span. */
function coveredOnce(cover: readonly number[], start: number, length: number): boolean {
  for (let i = start; i < start + length; i++) if (cover[i] !== 1) return false;
  return true;
}

/**
 * The definite matches by reference word: the only candidate there, whose words no other candidate covers.
 */
function definiteMatches(
  candidates: readonly (readonly Candidate[])[],
  hypothesisLength: number,
): (Candidate | undefined)[] {
  const hypothesisCover = new Array<number>(hypothesisLength).fill(0);
  const referenceCover = new Array<number>(candidates.length).fill(0);
  for (const [start, list] of candidates.entries()) {
    for (const candidate of list) {
      for (let i = 0; i < candidate.hypothesisLength; i++) hypothesisCover[candidate.hypothesis + i]!++;
      for (let i = 0; i < candidate.referenceLength; i++) referenceCover[start + i]!++;
    }
  }
  return candidates.map((list, start) => {
    const candidate = list.length === 1 ? list[0] : undefined;
    return candidate &&
      coveredOnce(hypothesisCover, candidate.hypothesis, candidate.hypothesisLength) &&
      coveredOnce(referenceCover, start, candidate.referenceLength)
      ? candidate
      : undefined;
  });
}

/**
 * Finds the matches of the best alignment, in the order of the reference. `candidates` are the possible
 * matches by the reference word at which they start, in the order in which the modules found them.
 */
export function align(candidates: readonly (readonly Candidate[])[], hypothesisLength: number): Match[] {
  // No other candidate covers a definite match's words, so only choices of the same path can block it.
  const definite = definiteMatches(candidates, hypothesisLength);
  let paths = [new Path()];
  for (const [current, list] of candidates.entries()) {
    const beam = best(paths);
    paths = [];
    const only = definite[current];
    for (const path of beam) {
      if (current < path.next) {
        // A path whose last match covers this word waits until the span ends.
      } else if (only) {
        path.take(only, current);
        path.distance += Math.abs(current - only.hypothesis);
      } else {
        for (const candidate of list) {
          if (path.overlaps(candidate)) continue;
          const copy = path.copy();
          copy.take(candidate, current);
          paths.push(copy);
          // The original program adds the distance to the path itself, so later candidates and the skip
          // inherit it.
          path.distance += Math.abs(current - candidate.hypothesis);
        }
        path.skip();
      }
      paths.push(path);
    }
  }
  const complete = best(paths);
  for (const path of complete) if (path.lastEnd !== -1) path.chunks++;

  const matches: Match[] = [];
  for (let chosen = best(complete)[0]!.chosen; chosen; chosen = chosen.before) matches.push(chosen);
  return matches.reverse();
}

/** Counts chunks: runs of matches without a gap on either side. */
export function countChunks(matches: readonly Match[]): number {
  let chunks = 0;
  for (const [i, match] of matches.entries()) {
    const last = matches[i - 1];
    const follows =
      last &&
      last.reference + last.candidate.referenceLength === match.reference &&
      last.candidate.hypothesis + last.candidate.hypothesisLength === match.candidate.hypothesis;
    if (!follows) chunks++;
  }
  return chunks;
}
