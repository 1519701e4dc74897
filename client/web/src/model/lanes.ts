/** Something that takes time on a machine. */
export interface Span {
  from: number;
  to: number;
  /** The slot of its worker, from 1; 0: not told. */
  slot: number;
}

/**
 * The lane of each span, from 0: that of its slot. Those of clients and of older workers tell none, nor
 * does what has just started: they take the lowest lane in which nothing is while they last. Spans by
 * rising start.
 */
export function lanesOf(spans: Span[]): number[] {
  const coming: number[][] = [];
  for (const {slot, from} of spans) if (slot) (coming[slot - 1] ??= []).push(from);
  const free: number[] = [];
  const fits = ({from, to}: Span, lane: number) => (free[lane] ?? -Infinity) <= from && (coming[lane]?.[0] ?? Infinity) >= to;
  return spans.map((span) => {
    let lane = span.slot - 1;
    if (span.slot) coming[lane].shift();
    else for (lane = 0; !fits(span, lane); ) lane++;
    free[lane] = Math.max(free[lane] ?? -Infinity, span.to);
    return lane;
  });
}

/** What is in each slot of a worker. Where no slot is told, or it is taken, it is one of the free ones. */
export function seatsOf<Held extends {slot: number}>(slots: number, held: Held[]): (Held | undefined)[] {
  const seats: (Held | undefined)[] = Array.from({length: slots});
  for (const one of held) if (one.slot) seats[one.slot - 1] = one;
  const others = held.filter((one) => !seats.includes(one));
  return seats.map((seat) => seat ?? others.shift());
}

/** "node7, slot 2, GPU 3: NVIDIA H100": what is known of it. */
export function placeText(holder: string, slot: number, gpu: string): string {
  return [holder, slot && `slot ${slot}`, gpu && `GPU ${gpu}`].filter(Boolean).join(', ');
}
