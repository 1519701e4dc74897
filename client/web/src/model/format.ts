import type {Timestamp} from '@bufbuild/protobuf/wkt';

export type Scalar = string | number | boolean;

/** Short, without losing what tells two numbers apart: 0.0044262, 1.2e-7, 12,345. */
export function formatNumber(value: number, digits = 5): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return size < 1e4 ? String(value) : grouped.format(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(Math.min(digits - 1, 3)).replace(/\.?0+e/, 'e').replace('e+', 'e');
  return String(Number(value.toPrecision(digits)));
}

export function formatValue(value: Scalar | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'number' ? formatNumber(value) : String(value);
}

const grouped = new Intl.NumberFormat('en');

export function formatCount(count: number | bigint): string {
  return grouped.format(count);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

const units: [number, string][] = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

/** The two largest units: "2 h 5 min", "41 s". */
export function formatDuration(seconds: number): string {
  if (seconds < 0) return `−${formatDuration(-seconds)}`;
  if (seconds < 10) return `${formatNumber(seconds, 2)} s`;
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [size, unit] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length) break;
  }
  return parts.slice(0, 2).join(' ');
}

export function formatBytes(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), names.length - 1);
  return `${formatNumber(bytes / 1024 ** power, 3)} ${names[power]}`;
}

export function milliseconds(time: Timestamp | undefined): number | undefined {
  return time && Number(time.seconds) * 1000 + time.nanos / 1e6;
}

const dateAndTime = new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'medium'});

export function formatTime(time: number | undefined): string {
  return time === undefined ? '' : dateAndTime.format(time);
}

export function formatPercent(share: number): string {
  return `${formatNumber(share * 100, 3)} %`;
}
