import type { RunStatus } from './run-types.ts';
import { plural } from './format.ts';
import { unitWords } from './run-words.ts';
import { isSummedSecretly } from './stages.ts';

export type PrivacyFact = { term: string; text: string };

/** Who sees what in this run, in words, from the plan's own fields. Claims no more than the plan's trust mode gives. */
export function privacyFacts(status: RunStatus): PrivacyFact[] {
  const noised = status.privacy.kind === 'dp';
  return [
    { term: 'The coordinator', text: coordinatorSees(status, noised) },
    {
      term: 'Other clients',
      text: noised
        ? status.trust === 'local'
          ? 'see the model of every round. The promise counts on your own noise alone.'
          : 'see the model of every round. Each knows its own noise, so the promise counts on the noise of the others.'
        : 'see the model of every round, and with it exact sums. What those show of your data is not bounded.',
    },
    { term: 'Fewest clients', text: floor(status, noised) },
    ...(noised ? [{ term: 'Pooling', text: pooling(status) }] : []),
    { term: 'Promised to', text: promised(status, noised) },
    {
      term: 'Not hidden',
      text: 'who took part, when, and what was refused. One client that lies about its own data can shift the sum.',
    },
  ];
}

function coordinatorSees({ trust, groups }: RunStatus, noised: boolean): string {
  if (trust === 'trusted') {
    return `sees each clipped contribution as it arrives${noised ? ' and adds the noise itself' : ''}. Trusted mode asks you to trust it.`;
  }
  if (trust === 'local') {
    return 'sees each contribution as it arrives, with all of its noise added by the client itself.';
  }
  if (trust === 'grouped') {
    const of = groups === undefined ? 'each group of clients' : `each of ${groups.total} groups of clients`;
    return `sees the ${noised ? 'noisy sum' : 'sum, without noise,'} of ${of}. No contribution of a single client ever reaches it unmasked.`;
  }
  return noised
    ? 'sees noisy sums only. No contribution of a single client ever reaches it unmasked.'
    : 'sees sums only, without noise. No contribution of a single client ever reaches it unmasked.';
}

function floor({ minSurvivors, trust }: RunStatus, noised: boolean): string {
  const what = isSummedSecretly(trust) ? 'unmasked' : 'released';
  const sized = noised && trust !== 'local';
  const noise = sized ? ' The noise is sized so that that number is enough.' : '';
  const where = trust === 'grouped' ? ' in each group' : '';
  return `${minSurvivors}${where}. A sum of fewer is never ${what}.${noise}`;
}

function pooling({ colluding, trust }: RunStatus): string {
  if (trust === 'local') return 'The promise holds even if all others pool all they know with the coordinator.';
  if (colluding === 0) return 'The promise does not cover a client that pools what it knows with the coordinator.';
  const where = trust === 'grouped' ? ' of a group' : '';
  return `The promise holds even if ${plural(colluding, 'client')}${where} ${colluding === 1 ? 'pools' : 'pool'} all ${
    colluding === 1 ? 'it knows' : 'they know'
  } with the coordinator.`;
}

function promised({ unit }: RunStatus, noised: boolean): string {
  if (!noised)
    return 'nobody: the plan asks for no privacy, and every client that takes part allowed that in its own policy.';
  const who = unit === 'record' ? 'each record of the data' : 'each client with all its data';
  return `${who}: adding or removing ${unitWords(unit)} changes what anyone can conclude by at most the stated ε.`;
}
