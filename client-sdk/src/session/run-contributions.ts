import { bandedTurn, queryContext, sessionParts, type Plan } from '@sotto/shared/plan';
import { createUpdateMemory, type SessionContribution } from '@sotto/shared/queries';
import type { ContributionTask } from './ports.ts';

/** What the sessions of one run ask of the door: from the signed plan, the session's header, and what the run's earlier sessions left. */
export type RunContributions = {
  asked(task: ContributionTask): Pick<SessionContribution, 'context' | 'parts' | 'clipNormL2' | 'banded'>;
  /** Wipes what is kept of the data; the run has ended. */
  forget(): void;
};

/** Of one client in one run. Kept in memory alone, on the thread on which the client works on its data. */
export function createRunContributions(plan: Plan, client: string): RunContributions {
  const context = queryContext(plan);
  const memory = createUpdateMemory();
  return {
    asked: ({ slots, round, clipNormL2 }) => ({
      context,
      parts: sessionParts(plan, slots),
      clipNormL2,
      banded: { turn: bandedTurn(plan, client, round), memory },
    }),
    forget: () => memory.forget(),
  };
}
