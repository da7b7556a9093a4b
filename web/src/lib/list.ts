// The list of requests as it is kept between two questions to the store: newest first, without gap or double.
import type {Listed, Page} from './api';

export interface List {
  rows: Listed[];
  next?: string;  // asks for what is older than the last row
}

// With the newest page: what is known and older stays below it. When the two do not meet, requests between them are missing, so
// only the page stays.
export function refreshed(known: List, page: Page, most: number): List {
  const fresh = new Set(page.records.map(key));
  const older = known.rows.filter(row => !fresh.has(key(row)));
  if (older.length === 0 || older.length === known.rows.length) return {rows: page.records, next: page.next};
  return {rows: [...page.records, ...older].slice(0, most), next: known.next};
}

// With the page that `before` has led to; unless the list has become another meanwhile.
export function extended(known: List, page: Page, before: string): List {
  return known.next === before ? {rows: [...known.rows, ...page.records], next: page.next} : known;
}

export function key(row: Listed): string {
  return `${row.origin}/${row.index}`;
}
