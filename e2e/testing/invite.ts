import { setTimeout as sleep } from 'node:timers/promises';
import { createNodeRandom } from '@sotto/shared/crypto/node';
import { encodeInvitation, issueInvitation, type RunStatus } from '@sotto/shared/protocol';
import type { LocalFederation } from '@sotto/simulation/local';

/** A line of text that admits one client to a federation whose coordinator has started. */
export function invitationTo({ authority, url, fingerprint }: LocalFederation): string {
  const terms = {
    coordinator: url,
    tlsFingerprint: fingerprint,
    role: 'silo',
    quota: 1,
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  } as const;
  return encodeInvitation(issueInvitation(authority, terms, createNodeRandom()));
}

/** A run's status when it has ended. */
export async function endOfRun(federation: LocalFederation, runId: string): Promise<RunStatus> {
  for (;;) {
    const status = await federation.operator().status(runId);
    if (status.endedAt !== null) return status;
    await sleep(50);
  }
}
