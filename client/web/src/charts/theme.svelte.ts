import type {State} from '../model/trial';

// Colours live in app.css; canvases read them from there.

export type Theme = 'light' | 'dark';

// public/theme.js has set it before the first paint: the chosen one, else the system's.
const root = document.documentElement;
let name = $state(root.dataset.theme as Theme);

function show(next: Theme) {
  name = next;
  root.dataset.theme = next;
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', ({matches}) => {
  if (!localStorage.getItem('theme')) show(matches ? 'dark' : 'light');
});

export const theme = {
  get name(): Theme {
    return name;
  },
  toggle() {
    show(name === 'dark' ? 'light' : 'dark');
    localStorage.setItem('theme', name);
  },
};

export interface Colors {
  text: string;
  muted: string;
  grid: string;
  accent: string;
  best: string;
  hidden: string;
  states: Record<State, string>;
  /** From worst to best. */
  ramp: string[];
  /** That tell series apart. */
  series: string[];
}

const rampSteps = 24;

function read(): Colors {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const ends = [get('ramp-worst'), get('ramp-middle'), get('ramp-best')].map(channels);
  return {
    text: get('text'),
    muted: get('muted'),
    grid: get('grid'),
    accent: get('accent'),
    best: get('best'),
    hidden: get('hidden'),
    states: {
      PENDING: get('pending'),
      RUNNING: get('running'),
      COMPLETED: get('completed'),
      STOPPED: get('stopped'),
      FAILED: get('failed'),
      INFEASIBLE: get('infeasible'),
    },
    ramp: Array.from({length: rampSteps}, (_, i) => between(ends, i / (rampSteps - 1))),
    series: Array.from({length: 8}, (_, i) => get(`series-${i}`)),
  };
}

function channels(hex: string): number[] {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function between(colors: number[][], share: number): string {
  const place = share * (colors.length - 1);
  const index = Math.min(Math.floor(place), colors.length - 2);
  const mixed = colors[index].map((from, i) => Math.round(from + (colors[index + 1][i] - from) * (place - index)));
  return `rgb(${mixed.join(' ')})`;
}

const cache = new Map<Theme, Colors>();

/** Of the theme that is shown; tracked. */
export function colors(): Colors {
  const {name} = theme;
  if (!cache.has(name)) cache.set(name, read());
  return cache.get(name)!;
}

export function rampColor(share: number): string {
  const {ramp} = colors();
  const index = Math.round(Math.min(Math.max(share, 0), 1) * (ramp.length - 1));
  return ramp[Number.isNaN(index) ? 0 : index];
}
