/** Something that takes time on a machine. */
export interface Span {
  from: number;
  to: number;
}

/**
 * A lane for each span, so that none of one lane overlap: the slot of a worker, as far as times
 * tell. Spans by rising start; the lowest free lane takes the next one.
 */
export function lanesOf(spans: Span[]): number[] {
  const free: number[] = [];
  return spans.map(({from, to}) => {
    const at = free.findIndex((end) => end <= from);
    const lane = at < 0 ? free.length : at;
    free[lane] = to;
    return lane;
  });
}
