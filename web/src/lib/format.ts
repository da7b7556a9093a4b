// Numbers with their units, and times.
const NARROW = '\u202f';  // between number and unit, so that they stay on one line

// 1 token, 2 tokens; 1 leaf, 2 leaves.
export function count(n: number, one: string, more = `${one}s`): string {
  return withUnit(n, n === 1 ? one : more);
}

export function withUnit(n: number, unit: string): string {
  return `${group(n)}${NARROW}${unit}`;
}

export function group(n: number): string {
  return n.toLocaleString('en', {maximumFractionDigits: 0}).replaceAll(',', NARROW);
}

// Three significant digits in the unit that fits: 53 µs, 4.20 ms, 1.31 s, 2 min 05 s.
export function duration(us: number): string {
  if (us < 1000) return `${Math.round(us)}${NARROW}µs`;
  if (us < 999_500) return `${three(us / 1e3)}${NARROW}ms`;
  if (us < 59_950_000) return `${three(us / 1e6)}${NARROW}s`;
  const s = Math.round(us / 1e6);
  return `${Math.floor(s / 60)}${NARROW}min ${String(s % 60).padStart(2, '0')}${NARROW}s`;
}

export function rate(perSecond: number, unit: string): string {
  return `${perSecond >= 1000 ? group(perSecond) : three(perSecond)}${NARROW}${unit}/s`;
}

// The same for the marks of an axis: without zeros at the end.
export const axis = (text: string) => text.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');

// Of a part, 1 is 100 %.
export function percent(part: number): string {
  return `${three(part * 100)}${NARROW}%`;
}

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let at = 0;
  while (n >= 999.5 && at < units.length - 1) n /= 1000, ++at;
  return `${at === 0 ? n : three(n)}${NARROW}${units[at]}`;
}

export function three(n: number): string {
  if (n === 0) return '0';
  if (Math.abs(n) >= 99.95) return n.toFixed(0);
  return n.toFixed(Math.abs(n) >= 9.995 ? 1 : 2);
}

// 14:03:07 of today, 2026-11-24 14:03:07 of another day; local time.
export function clock(us: number, now_ms: number): string {
  const time = new Date(us / 1000), today = new Date(now_ms);
  const two = (n: number) => String(n).padStart(2, '0');
  const hms = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  if (time.toDateString() === today.toDateString()) return hms;
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${hms}`;
}

// UTC, to the microsecond.
export function isoTime(us: number): string {
  const whole = new Date(Math.floor(us / 1000)).toISOString();  // 2026-11-24T09:10:34.470Z
  return `${whole.slice(0, -1).replace('T', ' ')}${String(us % 1000).padStart(3, '0')}`;
}
