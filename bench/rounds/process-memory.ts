import { readdirSync, readFileSync } from 'node:fs';

/** Processes of this machine by their parents. */
function childrenOf(): ReadonlyMap<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    // The name in brackets may hold anything; what follows the last bracket is fixed: state, then parent.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (Number.isFinite(parent)) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  return children;
}

/** PSS of some processes and everything below them, in bytes; Linux alone tells it. */
export function treeMemory(roots: readonly number[]): number {
  const children = childrenOf();
  const all = [...roots];
  for (let i = 0; i < all.length; i++) all.push(...(children.get(all[i]!) ?? []));
  return all.reduce((sum, pid) => {
    const kibibytes = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
    return sum + Number(kibibytes ?? 0) * 1_024;
  }, 0);
}

/** Empty for a process that has ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
