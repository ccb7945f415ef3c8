import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Time to ε of one scenario by one accountant of the peer, in the scenarios' order. */
type PeerRow = { readonly accountant: string; readonly epsilon: number; readonly medianMs: number };

/** The folder of the peers' drivers, or null where it is not. */
export function peersFolder(): string | null {
  const shared = process.env['SOTTO_SHARED'];
  const folder = shared === undefined ? null : join(shared, 'peers');
  return folder !== null && existsSync(join(folder, 'run')) ? folder : null;
}

type Line = {
  readonly status: string;
  readonly version?: string;
  readonly params: { readonly accountant: string };
  readonly figures?: { readonly epsilon: number; readonly milliseconds: { readonly median: number } };
};

/** dp-accounting's times, from a run of its driver. */
export function peerTimings(folder: string): { version: string; rows: PeerRow[] } {
  const done = spawnSync(join(folder, 'run'), ['W6', 'dp-accounting'], { encoding: 'utf8', timeout: 600_000 });
  const rows: PeerRow[] = [];
  let version = '';
  for (const text of (done.stdout ?? '').split('\n')) {
    if (!text.startsWith('{')) continue;
    const line = JSON.parse(text) as Line;
    if (line.status !== 'ok' || line.figures === undefined) continue;
    version = `dp-accounting ${line.version ?? ''}`.trim();
    const { epsilon, milliseconds } = line.figures;
    rows.push({ accountant: line.params.accountant, epsilon, medianMs: milliseconds.median });
  }
  if (rows.length === 0) throw new Error(`dp-accounting gave no figure (status ${done.status}): ${done.stderr ?? ''}`);
  return { version, rows };
}
