import type { KeyStream } from '@sotto/shared/crypto';
import { bandedTurn, partLayers, queryContext, sessionParts, type Plan } from '@sotto/shared/plan';
import { createUpdateMemory, type NoiseLayers, type SessionContribution } from '@sotto/shared/queries';
import type { ContributionTask } from './ports.ts';

/** What the sessions of one run ask of the door: from the signed plan, the session's header, and what the run's earlier sessions left. */
export type RunContributions = {
  asked(task: ContributionTask): Pick<SessionContribution, 'context' | 'parts' | 'layers' | 'clipNormL2' | 'banded'>;
  /** Wipes what is kept of the data; the run has ended. */
  forget(): void;
};

/** Of one client in one run. Kept in memory alone, on the thread on which the client works on its data. */
export function createRunContributions(plan: Plan, client: string, keyStream: KeyStream): RunContributions {
  const context = queryContext(plan, client);
  const memory = createUpdateMemory();
  return {
    asked: ({ slots, round, clipNormL2, noise }) => ({
      context,
      parts: sessionParts(plan, slots),
      layers: noiseLayersOf(plan, slots, noise, keyStream),
      clipNormL2,
      banded: { turn: bandedTurn(plan, client, round), memory },
    }),
    forget: () => memory.forget(),
  };
}

/** The layers of a session's noise, from the plan and what the secure sum gave the client for it; null where all noise stays. */
export function noiseLayersOf(
  plan: Plan,
  slots: ContributionTask['slots'],
  noise: ContributionTask['noise'],
  keyStream: KeyStream,
): NoiseLayers | null {
  if (noise === null) return null;
  const { clients, keys } = noise;
  return { variances: sessionParts(plan, slots).map((part) => partLayers(plan, part, clients)), keys, keyStream };
}
