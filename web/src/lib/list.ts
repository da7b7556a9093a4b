// The list of requests as it is kept between two questions to the store.
import type {Listed} from './api';

// Newest first. `fresh` is the newest page; what of `known` is older stays below it. When the two do not meet, requests between them
// are missing, so only the fresh ones stay.
export function merge(fresh: Listed[], known: Listed[], most: number): Listed[] {
  const keys = new Set(fresh.map(key));
  const older = known.filter(row => !keys.has(key(row)));
  const meets = older.length < known.length;
  return meets ? [...fresh, ...older].slice(0, most) : fresh;
}

export function key(row: Listed): string {
  return `${row.origin}/${row.index}`;
}
