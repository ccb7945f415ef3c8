import { planCard, type PrivacyCard } from '@sotto/shared/card';
import { sessionCount, type Plan } from '@sotto/shared/plan';

/** What a person is asked before a plan runs on their data for the first time. */
export type ConsentRequest = {
  readonly runId: string;
  readonly planHash: string;
  readonly plan: Plan;
  /** For a page that shows it: sentences of the privacy card, in this order. */
  readonly words: ConsentWords;
  /** The whole privacy card of the plan. */
  readonly card: PrivacyCard;
};

export type ConsentWords = {
  /** The plan's name. */
  readonly title: string;
  /** What it is for, what it reads, and how often. */
  readonly asked: readonly string[];
  /** What leaves, and who sees it. */
  readonly leaves: readonly string[];
  /** The most that it costs, and what that means. */
  readonly cost: readonly string[];
  /** What no ε covers. */
  readonly outside: readonly string[];
};

/**
 * A plan as a question to the person whose data it is to run on: the numbers are the plan's, the sentences the privacy card's.
 * @param plan - sound and allowed by the policy
 */
export function consentRequest(runId: string, planHash: string, plan: Plan): ConsentRequest {
  const card = planCard(plan, planHash);
  return { runId, planHash, plan, card, words: wordsOfCard(plan, card) };
}

function wordsOfCard(plan: Plan, card: PrivacyCard): ConsentWords {
  const { schema, training, cohort, roster } = plan;
  const columns = schema.columns.length;
  const sums = sessionCount(plan) + plan.spareAttempts;
  return {
    title: plan.name,
    asked: [
      plan.purpose,
      `It reads ${columns} ${columns === 1 ? 'column' : 'columns'} of “${schema.name}” and learns to tell “${schema.target.column}”.`,
      `It takes part in ${training.rounds} rounds, at most ${sums} sums, with ${roster.clients.length} clients; a sum over fewer than ${cohort.minSurvivors} is not opened.`,
    ],
    leaves: [
      card.trust.meaning,
      `Your contribution is seen by: ${card.trust.contributions}`,
      `The sums are seen by: ${card.trust.sums}`,
      card.released.meaning,
    ],
    cost: [...costOf(card), card.unit.meaning, card.adjacency.meaning, card.noise.meaning],
    outside: card.outside,
  };
}

function costOf({ privacy, guarantees }: PrivacyCard): readonly string[] {
  if (privacy === 'none') return ['Without differential privacy: the cost to privacy has no bound (ε = ∞).'];
  return guarantees.map(
    ({ account, epsilon, delta }) =>
      `At most ε = ${epsilon} at δ = ${delta}, for ${account === 'client' ? 'all rows of this client together' : `one record that is used ${uses[account]}`}.`,
  );
}

const uses = { train: 'to train', validation: 'to validate', test: 'to test' } as const;
