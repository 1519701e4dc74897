import type {Projection} from './Plot.svelte';
import type {Drawing} from './painter';

const batch = 200;

/** The indices below `count` that a test lets through. */
export function indicesWhere(count: number, test: (index: number) => boolean): number[] {
  const found: number[] = [];
  for (let i = 0; i < count; i++) if (test(i)) found.push(i);
  return found;
}

/** Discs at the given places of `xs` and `ys`. */
export function* discs(
  context: CanvasRenderingContext2D, at: Projection, indices: Iterable<number>, xs: ArrayLike<number>,
  ys: ArrayLike<number>, color: string, radius = 2.5): Drawing {
  let inBatch = 0;
  context.fillStyle = color;
  context.beginPath();
  for (const i of indices) {
    const [x, y] = [at.x(xs[i]), at.y(ys[i])];
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
    if (++inBatch < batch) continue;
    inBatch = 0;
    context.fill();
    yield;
    context.fillStyle = color;
    context.beginPath();
  }
  context.fill();
}

export function line(
  context: CanvasRenderingContext2D, at: Projection, xs: ArrayLike<number>, ys: ArrayLike<number>, color: string, width = 2) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.lineJoin = 'round';
  context.beginPath();
  trace(context, at, xs, ys);
  context.stroke();
}

/** Adds a line to the path; gaps where a value is NaN. */
export function trace(context: CanvasRenderingContext2D, at: Projection, xs: ArrayLike<number>, ys: ArrayLike<number>) {
  let pen = false;
  for (let i = 0; i < xs.length; i++) {
    const [x, y] = [at.x(xs[i]), at.y(ys[i])];
    if (!Number.isFinite(x + y)) pen = false;
    else if (pen) context.lineTo(x, y);
    else {
      context.moveTo(x, y);
      pen = true;
    }
  }
}

/** As a record goes: level until the next one. */
export function steps(
  context: CanvasRenderingContext2D, at: Projection, xs: ArrayLike<number>, ys: ArrayLike<number>, until: number,
  color: string) {
  const [sx, sy]: [number[], number[]] = [[], []];
  for (let i = 0; i < xs.length; i++) {
    sx.push(xs[i], i + 1 < xs.length ? xs[i + 1] : until);
    sy.push(ys[i], ys[i]);
  }
  line(context, at, sx, sy, color);
}
