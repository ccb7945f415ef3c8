import { groupsNeeded, groupSizes, planHashOf, type Plan, type PlanCheck } from '@sotto/shared/plan';

/**
 * A plan in words, one sentence a line: what a person reads before signing. Everything in it is the plan's own or computed
 * from it alone.
 */
export function describePlan(plan: Plan, check: PlanCheck): string[] {
  return [
    `Plan "${plan.name}", hash ${planHashOf(plan)}`,
    `Purpose: ${plan.purpose}`,
    ...whoLines(plan),
    ...whatLines(plan, check),
    ...privacyLines(plan, check),
    disclosureLine(plan),
    ...check.warnings.map(({ path, problem, cure }) => `Warning, ${path}: ${problem}. ${cure}`),
  ];
}

function whoLines(plan: Plan): string[] {
  const { clients } = plan.roster;
  const { minSurvivors, colluding } = plan.cohort;
  return [
    plan.trust === 'grouped'
      ? `Who: ${clients.length} clients; the sum of a group needs at least ${minSurvivors} of it to the end.`
      : `Who: ${clients.length} clients; a session needs at least ${minSurvivors} of them to the end.`,
    ...clients.map(({ name, client }) => `  ${client}  ${name}`),
    ...heldOutLines(plan),
    ...groupLines(plan),
    trustLine(plan.trust, colluding),
  ];
}

function heldOutLines({ heldOut, roster }: Plan): string[] {
  if (heldOut === undefined) return [];
  const names = roster.clients.flatMap(({ client, name }) => (heldOut.includes(client) ? [name] : []));
  return [
    `Held out: ${names.join(', ')}. They add noise and train nothing; the model is evaluated on them as on clients that it has not seen.`,
  ];
}

function groupLines(plan: Plan): string[] {
  if (plan.trust !== 'grouped') return [];
  const { length: count } = groupSizes(plan);
  return [
    `Groups: ${count}, drawn by your signature; a round needs the sums of ${groupsNeeded(plan)}. Signing another plan instead of this one because of its groups would undo the draw.`,
  ];
}

function trustLine(trust: Plan['trust'], colluding: number): string {
  switch (trust) {
    case 'secure':
      return `Trust: the coordinator sees sums alone, each with noise that no client knows whole. The promise holds against the coordinator together with up to ${colluding} of the clients.`;
    case 'grouped':
      return `Trust: the coordinator sees sums of groups alone, each with noise that no client knows whole. In each group the promise holds against the coordinator together with up to ${colluding} of its clients.`;
    case 'local':
      return 'Trust: the coordinator sees what each client uploads, with all of its noise added by the client itself. The promise holds against the coordinator together with all other clients.';
    case 'trusted':
      return 'Trust: the coordinator is TRUSTED: it sees what each client uploads.';
  }
}

function whatLines(plan: Plan, check: PlanCheck): string[] {
  const { training, evaluation, schema, survey, report } = plan;
  const columns = schema.columns.map(({ name }) => name).join(', ');
  const query =
    training.query.kind === 'gradient'
      ? 'one clipped gradient for each unit and round, summed'
      : 'one clipped model change for each client and round, summed';
  const lines = [
    `Data: "${schema.name}", columns ${columns}; predicts ${schema.target.column}.`,
    `What leaves a device: ${query} (query "${training.query.kind}", strategy "${training.strategy.kind}").`,
    ...samplingLines(plan),
    `Rounds: ${training.rounds}${sessionsOf(check)}.`,
  ];
  if (evaluation !== null) {
    lines.push(
      `Evaluation: counts of right and wrong answers (${evaluation.detail}) and the loss on each client's ${evaluation.part} units, every ${evaluation.every} rounds.`,
    );
  }
  if (training.earlyStopping !== undefined) {
    lines.push(
      `  Training ends early by the rule ${training.earlyStopping.rule}; the last session takes the best model that was evaluated. ε is that of all rounds.`,
    );
  }
  if (evaluation?.fit !== undefined) lines.push('  The same of the units that train, beside each evaluation.');
  if (survey !== undefined) {
    lines.push(`Survey before the first round, of the units that train: ${kindsOf(survey.measures)}.`);
  }
  if (report !== undefined) {
    const often =
      report.every === undefined ? 'once, of the last model' : `every ${report.every} rounds and of the last model`;
    lines.push(`Report on each client's ${report.part} units, ${often}: ${kindsOf(report.measures)}.`);
    if (report.train !== undefined) lines.push(`  And on the units that train: ${kindsOf(report.train.measures)}.`);
  }
  return lines;
}

function kindsOf(measures: readonly { readonly kind: string }[]): string {
  return measures.map(({ kind }) => kind).join(', ');
}

function samplingLines({ training: { query } }: Plan): string[] {
  if (query.kind !== 'update') return [];
  const lines = [];
  if (query.adaptiveClip !== undefined) {
    lines.push('  With it, under the same noise: whether the change was within the round’s public bound.');
  }
  if (query.sampling?.kind === 'hidden') {
    const rate = query.sampling.samplingNumerator / 2 ** 32;
    lines.push(
      `  In each round each client tosses a coin of its own: with probability ${rate.toPrecision(4)} it takes part, else it uploads zeros with noise.`,
    );
  }
  if (query.sampling?.kind === 'banded') {
    const { bands, maxParticipations } = query.sampling;
    lines.push(
      `  Clients make a change in turn, each at most ${maxParticipations} times, and send smaller shares of it again in the ${bands - 1} rounds after.`,
    );
  }
  return lines;
}

function sessionsOf(check: PlanCheck): string {
  if (check.summary === null) return '';
  const { planned, most } = check.summary.sessions;
  return `, ${planned} sessions planned, ${most} at most`;
}

/** What is signed on the author's word alone. */
function disclosureLine({ disclosure = {} }: Plan): string {
  const { hyperparameters = 'not stated', keys = 'not stated', note } = disclosure;
  return `The author states, and nothing checks: settings chosen on: ${hyperparameters}; keys held by: ${keys}.${note === undefined ? '' : ` ${JSON.stringify(note)}`}`;
}

function privacyLines(plan: Plan, check: PlanCheck): string[] {
  const unit = plan.unit === 'record' ? 'one record (a patient)' : 'one client (a user with all its data)';
  if (plan.privacy.kind === 'none') {
    return ['Privacy: NONE. ε = ∞: the released sums may tell anything about anybody.'];
  }
  const { delta, epsilon, evaluationEpsilon, reportEpsilon } = plan.privacy;
  const lines = [
    `Privacy: adding or removing ${unit} changes what is released by at most ε = ${epsilon}, δ = ${delta}, over all rounds and spare attempts.`,
  ];
  if (evaluationEpsilon !== undefined) {
    lines.push(`  A unit of the ${plan.evaluation?.part ?? 'evaluation'} part: ε = ${evaluationEpsilon}.`);
  }
  if (reportEpsilon !== undefined) {
    lines.push(`  A unit of the ${plan.report?.part ?? 'report’s'} part: ε = ${reportEpsilon}.`);
  }
  for (const { field, recomputed, accountant } of check.summary?.epsilons ?? []) {
    lines.push(`  Recomputed ${field}: ${recomputed.toPrecision(6)} (${accountant}).`);
  }
  return lines;
}
