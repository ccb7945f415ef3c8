import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom } from '../random/index.ts';
import { beginSession, createSum, onRoster, stepSum, verifySumMessage, type Roster } from './index.ts';
import { clientsOf, coded } from './testing/attacks.ts';
import { runSession, testCohort, testContributions } from './testing/harness.ts';

// The numbers are those of docs/security/attacks.md. A failure is: a client that answers what it must refuse, or
// a coordinator that takes what it must turn away.
const crypto = createNodeCrypto();
const ports = { crypto, random: createSeededRandom('attacks') };

describe('the rules', () => {
  it('A19: a client refuses a cohort or rules below the floors', async () => {
    const small = await testCohort(3, crypto, { minSurvivors: 2 });
    await expect(beginSession(small.rules, small.identities[0]!, ports)).rejects.toSatisfy(coded('PLAN_INVALID'));
    const stranger = await testCohort(4, crypto, { seed: 'stranger' });
    await expect(beginSession(stranger.rules, small.identities[0]!, ports)).rejects.toSatisfy(coded('PLAN_INVALID'));
    const cases = [
      { n: 4, minSurvivors: 4, colluding: 2 }, // c ≤ 2t − n − 1 = 1
      { n: 10, minSurvivors: 6, colluding: 1 }, // below t = 7
      { n: 5, minSurvivors: 6, colluding: 1 }, // more than there are
    ];
    for (const { n, minSurvivors, colluding } of cases) {
      const cohort = await testCohort(n, crypto, { minSurvivors, colluding });
      const begun = await Promise.all(cohort.identities.map((identity) => beginSession(cohort.rules, identity, ports)));
      const entries = begun.map(({ message }) => message!);
      const roster: Roster = { type: 'roster', sessionId: begun[0]!.state.sessionId, entries };
      await expect(onRoster(begun[0]!.state, roster, ports)).rejects.toSatisfy(coded('COHORT_TOO_SMALL'));
      const result = await runSession(cohort, testContributions(cohort), { crypto });
      expect(result.outcome).toMatchObject({ type: 'failed', code: 'COHORT_TOO_SMALL' });
    }
  });

  it('A22: an upload after the survivors are fixed is turned away and changes nothing', async () => {
    const cohort = await testCohort(4, crypto);
    const full = await runSession(cohort, testContributions(cohort), { crypto });
    const late = full.messages.find((message) => message.type === 'upload')!;
    let { state } = createSum(cohort.rules, clientsOf(cohort));
    for (const message of full.messages) {
      if (message === late || message.type === 'agree' || message.type === 'unmask') continue;
      ({ state } = stepSum(state, { type: 'message', message }));
    }
    expect(await verifySumMessage(state, late, crypto)).toBeNull();
    const { state: after, effects } = stepSum(state, { type: 'stageTimeout', stage: 'upload' });
    expect(effects).toContainEqual(
      expect.objectContaining({ type: 'lost', client: late.client, code: 'DEADLINE_PASSED' }),
    );
    expect(after.survivors).not.toContain(late.client);
    expect(await verifySumMessage(after, late, crypto)).toMatchObject({ code: 'MESSAGE_UNEXPECTED' });
    expect(stepSum(after, { type: 'message', message: late })).toEqual({ state: after, effects: [] });
  });

  it('A22: nothing of a client that is lost is taken, its confirmation, which is not signed, among it', async () => {
    const cohort = await testCohort(4, crypto);
    const full = await runSession(cohort, testContributions(cohort), { crypto });
    const [gone] = clientsOf(cohort);
    let { state } = createSum(cohort.rules, clientsOf(cohort));
    for (const message of full.messages) {
      if (message.type === 'advertise' || message.type === 'share') {
        ({ state } = stepSum(state, { type: 'message', message }));
      }
    }
    ({ state } = stepSum(state, { type: 'lost', client: gone!, reason: 'gone' }));
    for (const message of full.messages.filter(({ client }) => client === gone)) {
      expect(await verifySumMessage(state, message, crypto)).toMatchObject({ code: 'MESSAGE_UNEXPECTED' });
      expect(stepSum(state, { type: 'message', message })).toEqual({ state, effects: [] });
    }
  });

  it('A22: a timeout of a stage that is over changes nothing, and an upload before its confirmation is turned away', async () => {
    const cohort = await testCohort(3, crypto);
    const full = await runSession(cohort, testContributions(cohort), { crypto });
    let { state } = createSum(cohort.rules, clientsOf(cohort));
    for (const message of full.messages) {
      if (message.type === 'advertise' || message.type === 'share') {
        ({ state } = stepSum(state, { type: 'message', message }));
      }
    }
    expect(state.stage).toBe('upload');
    expect(stepSum(state, { type: 'stageTimeout', stage: 'share' })).toEqual({ state, effects: [] });
    const early = full.messages.find((message) => message.type === 'upload')!;
    expect(await verifySumMessage(state, early, crypto)).toMatchObject({ code: 'MESSAGE_UNEXPECTED' });
    expect(stepSum(state, { type: 'message', message: early })).toEqual({ state, effects: [] });
  });
});
