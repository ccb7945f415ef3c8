import { groupSizes, removableNoise, type Plan } from '../plan/index.ts';
import type { PrivacyCard } from './card-schema.ts';

/** Who sees what, by trust mode. */
export const trustWords: Readonly<Record<Plan['trust'], Omit<PrivacyCard['trust'], 'mode'>>> = {
  secure: {
    meaning:
      'The clients mask their contributions for one another and share the noise out. The coordinator can open only the sum of a cohort, noise included.',
    contributions:
      'Nobody but the client itself, while no more clients work together with the coordinator than the secure sum bears.',
    sums: 'The coordinator: the noisy sum of each session. Whoever is given a copy of the record can see them as well.',
    model: 'Every client in each round, the coordinator, and whoever the finished model is given to.',
    metrics: 'The coordinator, and whoever may read its pages: figures made of noisy sums.',
    cohort:
      'The coordinator and the other clients see who takes part and who drops out; the coordinator also when and from which address. None of this is covered by ε.',
  },
  grouped: {
    meaning:
      'As in secure mode, in several groups: the clients of a group mask their contributions for one another and share the noise out. The coordinator can open only the sum of a group, noise included. These are finer sums than one of all clients; who is in which group was drawn when the plan was signed.',
    contributions:
      'Nobody but the client itself, while no more clients of its group work together with the coordinator than the secure sum bears.',
    sums: 'The coordinator: the noisy sum of each group in each session. Whoever is given a copy of the record can see them as well.',
    model: 'Every client in each round, the coordinator, and whoever the finished model is given to.',
    metrics: 'The coordinator, and whoever may read its pages: figures made of noisy sums.',
    cohort:
      'The coordinator and the other clients see who is in which group; the coordinator and the clients of the same group also who takes part and who drops out, the coordinator also when and from which address. None of this is covered by ε.',
  },
  local: {
    meaning:
      'Each client adds all the noise that ε needs to its own contribution before it leaves. The coordinator sees each of them, noise included, so the promise holds against everybody else together.',
    contributions: 'The coordinator: each client’s vector with that client’s noise.',
    sums: 'The coordinator: the noisy sum of each session. Whoever is given a copy of the record can see them as well.',
    model: 'Every client in each round, the coordinator, and whoever the finished model is given to.',
    metrics: 'The coordinator, and whoever may read its pages: figures made of noisy sums.',
    cohort: 'The coordinator sees who takes part, when and from which address. None of this is covered by ε.',
  },
  trusted: {
    meaning:
      'The coordinator sees each client’s clipped contribution and adds the noise itself. Against the coordinator there is no protection but trust.',
    contributions: 'The coordinator: each client’s clipped vector, without noise.',
    sums: 'The coordinator, without noise too. Whoever is given a copy of the record sees the noisy ones.',
    model: 'Every client in each round, the coordinator, and whoever the finished model is given to.',
    metrics: 'The coordinator, and whoever may read its pages: figures made of noisy sums.',
    cohort: 'The coordinator sees who takes part, when and from which address. None of this is covered by ε.',
  },
};

/** Who holds keys: what the plan's author says of it. */
export const keyWords: Readonly<Record<PrivacyCard['keys']['held'], string>> = {
  eachOwner:
    'The author of the plan states that authority, coordinator and each client hold their own keys. No program can check that.',
  onePerson:
    'A demonstration: one person holds the keys of authority, coordinator and all clients. Against that person nothing here protects.',
  unstated:
    'The plan does not say who holds the keys of authority, coordinator and clients. Whoever holds several of them counts as so many that collude.',
};

/** What pool vouchers mean. */
export function poolWords(clients: number | null): string {
  if (clients === null) return 'Not known before a run: how each client was admitted is seen in its certificate.';
  if (clients === 0) return 'None: the authority admitted each client by an invitation of its own.';
  return (
    `${clients} of the clients were admitted by an invitation for many. Whoever held it, the coordinator included, could have ` +
    'filled these places with clients of its own: count them among those that may collude.'
  );
}

/** Where the noise comes from. */
export function noiseWords(plan: Plan): string {
  const { privacy, trust, cohort, roster } = plan;
  if (privacy.kind === 'none') return 'There is no noise. Sums and models may tell anything about anybody.';
  if (trust === 'trusted') return 'The coordinator adds all noise to each sum, however many clients contributed.';
  if (trust === 'local') {
    return 'Each client adds all noise that ε needs by itself, whoever else takes part: a sum of many carries the noise of each.';
  }
  const { minSurvivors, colluding } = cohort;
  if (trust === 'grouped') {
    const sizes = groupSizes(plan);
    return (
      `Each client adds a share that is sized so that ${minSurvivors} contributions of its group less ${colluding} carry the noise that ε needs. ` +
      `The sum of a group over fewer than ${minSurvivors} of its ${sizesInWords(sizes)} clients is not opened. The sum of all ${sizes.length} groups carries the noise of each.`
    );
  }
  return (
    `Each client adds a share that is sized so that ${minSurvivors} contributions less ${colluding} carry the noise that ε needs. ` +
    `A sum over fewer than ${minSurvivors} of the ${roster.clients.length} clients is not opened. ` +
    (removableNoise(plan) === undefined
      ? 'More contributions carry more noise, which does not lower the stated ε.'
      : `When more contribute, each takes back what they do not need, so that as many contributions as there are less ${colluding} still carry the noise that ε needs.`)
  );
}

/** Sizes differ by one at most. */
function sizesInWords(sizes: readonly number[]): string {
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  return least === most ? String(most) : `${least} or ${most}`;
}

/** Where randomness comes from and what it looks like. */
export function randomnessWords({ privacy, trust }: Plan): PrivacyCard['randomness'] {
  const who = trust === 'trusted' ? 'the coordinator' : 'each client';
  if (privacy.kind === 'none') {
    return { source: 'No noise is drawn.', distribution: 'none', meaning: 'Without differential privacy.' };
  }
  return {
    source: `The cryptographic generator of the operating system, at ${who}; another source is refused outside of simulations.`,
    distribution: 'discreteGaussian',
    meaning:
      'Sums are whole numbers on a grid, and so is the noise, from a discrete Gaussian. It is accounted as a continuous Gaussian with slightly less noise, ' +
      'z_eff = √(z²D² − 4)/D, which provably loses at least as much. The guarantee is computational: it holds against whoever cannot break this generator and the cryptography of the secure sum.',
  };
}

/** What leaves. */
export const releasedWords =
  'Every noisy sum and every model made of it, not the last one alone: clients see each round’s model, and the record keeps every sum. ε is for all of them together. ' +
  'Whatever is computed from them later costs nothing more.';
