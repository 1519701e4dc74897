// Drawing that yields. A chart's marks are drawn by a generator that yields every few hundred marks;
// what does not fit into a frame's share goes on in the next one, so that ten thousand lines never
// hold a brush up. A new picture replaces one that is not done.

export type Drawing = Generator<void, void, void>;

const frameMilliseconds = 8;

export class Painter {
  #frame = 0;

  paint(drawing: Drawing) {
    cancelAnimationFrame(this.#frame);
    const run = () => {
      const end = performance.now() + frameMilliseconds;
      while (performance.now() < end) if (drawing.next().done) return;
      this.#frame = requestAnimationFrame(run);
    };
    run();
  }

  stop() {
    cancelAnimationFrame(this.#frame);
  }
}

/** Sizes a canvas for the screen's pixels and clears it; draws in CSS pixels. */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = devicePixelRatio;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, {width: w, height: h});
  const context = canvas.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
