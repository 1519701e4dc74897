// Drawing that yields. A chart's marks are drawn by a generator that yields every few hundred marks;
// all charts together draw for a share of each frame and go on in the next one, so that ten thousand
// lines never hold a brush up. A new picture replaces one that is not done.

export type Drawing = Generator<void, void, void>;

interface Picture {
  context: CanvasRenderingContext2D;
  drawing: Drawing;
}

const frameMilliseconds = 10;
const pictures = new Map<Painter, Picture>();
let frame = 0;

function drawOn() {
  const end = performance.now() + frameMilliseconds;
  while (pictures.size && performance.now() < end)
    for (const [painter, {context, drawing}] of pictures) {
      if (drawing.next().done) pictures.delete(painter);
      // A canvas only notes what to draw until somebody looks; the time it takes has to be seen here.
      else context.getImageData(0, 0, 1, 1);
      if (performance.now() >= end) break;
    }
  frame = pictures.size ? requestAnimationFrame(drawOn) : 0;
}

/** Draws one canvas. */
export class Painter {
  paint(context: CanvasRenderingContext2D, drawing: Drawing) {
    // The one that waited longest is drawn first.
    pictures.delete(this);
    pictures.set(this, {context, drawing});
    frame ||= requestAnimationFrame(drawOn);
  }

  stop() {
    pictures.delete(this);
  }
}

/**
 * Sizes a canvas for the screen's pixels and clears it; draws in CSS pixels. In memory, not on a
 * graphics card: it is read back, and not every machine has one.
 */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = devicePixelRatio;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, {width: w, height: h});
  const context = canvas.getContext('2d', {willReadFrequently: true})!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
