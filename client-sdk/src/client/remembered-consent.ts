import type { AskConsent } from '../session/ports.ts';
import type { ConsentRequest } from './consent.ts';

/** Where answers are kept, by the hash of the plan. */
export type ConsentMemory = {
  /** What was said to a plan; null when it was not asked. */
  consent(planHash: string): Promise<boolean | null>;
  saveConsent(planHash: string, agreed: boolean): Promise<void>;
};

/** Asks once for each plan; what was said stands. A question that fails is not remembered, and the plan is refused. */
export function rememberedConsent(
  memory: ConsentMemory,
  ask: (request: ConsentRequest) => boolean | Promise<boolean>,
): AskConsent {
  return async ({ runId, planHash, plan }) => {
    const said = await memory.consent(planHash);
    if (said !== null) return said;
    // With the card's sentences, which are not needed before.
    const { consentRequest } = await import('./consent.ts');
    const agreed = (await ask(consentRequest(runId, planHash, plan))) === true;
    await memory.saveConsent(planHash, agreed);
    return agreed;
  };
}
