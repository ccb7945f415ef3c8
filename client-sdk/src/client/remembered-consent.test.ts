import { planHashOf } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { describe, expect, it } from 'vitest';
import { consentRequest } from './consent.ts';
import { rememberedConsent } from './remembered-consent.ts';

const plan = examplePlan({ rounds: 60, evaluateEvery: 5 });
const planHash = planHashOf(plan);

function memory() {
  const said = new Map<string, boolean>();
  return {
    said,
    consent: async (hash: string) => said.get(hash) ?? null,
    saveConsent: async (hash: string, agreed: boolean) => void said.set(hash, agreed),
  };
}

describe('rememberedConsent', () => {
  it.each([true, false])('asks once for each plan, and keeps an answer of %s', async (agreed) => {
    const kept = memory();
    let asked = 0;
    const ask = rememberedConsent(kept, () => {
      asked += 1;
      return agreed;
    });
    const offer = { runId: 'ab'.repeat(16), planHash, plan };
    expect([await ask(offer), await ask(offer)]).toEqual([agreed, agreed]);
    expect(asked).toBe(1);
    expect(await rememberedConsent(kept, () => !agreed)(offer)).toBe(agreed);
    expect(await ask({ ...offer, planHash: '00'.repeat(32) })).toBe(agreed);
    expect(asked).toBe(2);
  });

  it('remembers nothing of a question that failed, and takes nothing but true for a yes', async () => {
    const kept = memory();
    const offer = { runId: 'ab'.repeat(16), planHash, plan };
    await expect(rememberedConsent(kept, () => Promise.reject(new Error('closed')))(offer)).rejects.toThrow('closed');
    expect(kept.said.size).toBe(0);
    expect(await rememberedConsent(kept, () => 'yes' as unknown as boolean)(offer)).toBe(false);
  });
});

describe('consentRequest', () => {
  it('says what is asked, what leaves and what it costs, with the numbers of the plan', () => {
    const { words, card } = consentRequest('ab'.repeat(16), planHash, plan);
    expect(words.title).toBe(plan.name);
    expect(words.asked.join(' ')).toContain(plan.purpose);
    expect(words.asked.join(' ')).toContain(`${plan.training.rounds} rounds`);
    expect(words.leaves).toContain(card.trust.meaning);
    for (const { epsilon } of card.guarantees) expect(words.cost.join(' ')).toContain(`ε = ${epsilon}`);
    expect(words.cost).toHaveLength(card.guarantees.length + 3);
    expect(words.outside.length).toBeGreaterThan(0);
  });

  it('says that there is no bound where there is no noise', () => {
    const { words } = consentRequest('ab'.repeat(16), planHash, { ...plan, privacy: { kind: 'none' } });
    expect(words.cost[0]).toContain('ε = ∞');
  });
});
