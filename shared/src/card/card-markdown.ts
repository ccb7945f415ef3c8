import type { Guarantee, PrivacyCard } from './card-schema.ts';
import { roundedUp, whomWords } from './figures.ts';

/** The card in plain sentences, Markdown, from its JSON alone. Every ε is rounded up. */
export function cardMarkdown(card: PrivacyCard): string {
  const sections = [
    `# Privacy card: ${inline(card.plan.name)}`,
    inline(card.plan.purpose),
    aboutWords(card),
    section('The promise', promise(card)),
    section('Whom it is made to', [card.unit.meaning, card.adjacency.meaning]),
    section('What it covers', covers(card)),
    section('Who colludes', collusion(card)),
    section('Who sees what', whoSees(card)),
    section('Noise', [card.noise.meaning, ...noiseDone(card), card.randomness.source, card.randomness.meaning]),
    section('Keys', [card.keys.meaning, `Invitations for many: ${card.keys.pool}`]),
    section(
      'Outside of the guarantee',
      card.outside.map((line) => `- ${line}`),
      '\n',
    ),
    ...(card.note === null ? [] : [section('The author’s own words', [`> ${inline(card.note)}`])]),
    section('Audit', [audit(card)]),
    section(
      'On what it rests',
      card.assumptions.map((line) => `- ${line}`),
      '\n',
    ),
    section('How it was computed', computed(card)),
  ];
  return `${sections.join('\n\n')}\n`;
}

function section(title: string, paragraphs: readonly string[], between = '\n\n'): string {
  return `## ${title}\n\n${paragraphs.join(between)}`;
}

function aboutWords({ plan, run }: PrivacyCard): string {
  const signed = `Plan \`${plan.hash}\`, to be signed by authority \`${plan.authority}\`.`;
  if (run === null) return `${signed} Nothing has run yet.`;
  const { runId, state, roundsRun, roundsPlanned, modelHash } = run;
  const how = { open: 'is not finished', finished: 'has finished', stopped: 'was stopped', failed: 'has failed' }[
    state
  ];
  return `${signed} Run \`${runId}\` ${how} after ${roundsRun} of ${roundsPlanned} rounds; this card is about model \`${modelHash}\`.`;
}

function promise(card: PrivacyCard): string[] {
  if (card.privacy === 'none') {
    return ['**None: ε = ∞.** There is no differential privacy. Sums and models may tell anything about anybody.'];
  }
  const lines = card.guarantees.map(
    (one) =>
      `**ε = ${one.epsilon} at δ = ${one.delta}** for ${whomWords(one.account)}, over all releases of ${one.slots.join(' and ')} together.`,
  );
  const [first] = card.guarantees;
  const factor = first === undefined ? '' : Math.exp(first.epsilon).toPrecision(3);
  return [
    ...lines,
    `In words, for ε = ${first?.epsilon}: whatever anybody concludes from everything that was released is at most ${factor} times as likely with the unit’s data there as without them, and the other way round, but for a probability of δ.`,
    ...card.guarantees.flatMap(({ deltaWarning }) => (deltaWarning === null ? [] : [`**Beware:** ${deltaWarning}`])),
    'The figure was fixed before the first round and covers every session that the plan allows, with the least noise that it allows. Stopping early, or more noise, does not lower it.',
  ];
}

function covers(card: PrivacyCard): string[] {
  const rows = card.mechanisms.map((one) => {
    const done = one.charged === null ? '–' : `${one.charged} charged, ${one.released} released`;
    const noise = one.event === null ? 'none' : String(one.event.noiseMultiplier);
    const sampling =
      one.samplingAssumed === 'none'
        ? `none assumed; ${one.samplingDone === 'everyUnit' ? 'every unit is read' : 'clients take turns'}`
        : `Poisson assumed, rate ${one.samplingRate.toPrecision(4)}; done by each client’s secret coin`;
    return `| ${one.slot} | ${one.planned} + ${one.spare} spare = ${one.atMost} | ${done} | ${noise} | ${one.clipNormL2.toPrecision(4)}, ${one.clip} | ${sampling} |`;
  });
  const participation = card.guarantees.map(
    ({ account, participationsMost, participationsDone }) =>
      `${capital(whomWords(account))} is in at most ${participationsMost} releases${participationsDone === null ? '' : `; ${participationsDone} were charged so far`}.`,
  );
  return [
    [
      '| release | at most | done | noise multiplier | clip norm | sampling |',
      '| ------- | ------- | ---- | ---------------- | --------- | -------- |',
      ...rows,
    ].join('\n'),
    ...participation,
    card.released.meaning,
  ];
}

function collusion({ collusion: { left, meaning, most, assumed }, guarantees, noise }: PrivacyCard): string[] {
  if (left.length === 0) return [meaning];
  const head = guarantees.flatMap(({ account }) => [
    `ε of ${whomWords(account)}, ${noise.minSurvivors} contribute`,
    `all ${noise.clients} contribute`,
  ]);
  const rows = left.map(({ colluding, atFewest, atAll }) => {
    const cells = guarantees.flatMap((_, index) => [
      // The plan's own row states what the plan states.
      colluding === assumed ? `${guarantees[index]!.epsilon} (stated)` : roundedUp(atFewest[index]!),
      roundedUp(atAll[index]!),
    ]);
    return `| ${colluding} | ${cells.join(' | ')} |`;
  });
  return [
    meaning,
    [
      `| clients with the coordinator | ${head.join(' | ')} |`,
      `| ${['', ...head].map(() => '---').join(' | ')} |`,
      ...rows,
    ].join('\n'),
    `At most ${most} may collude.`,
  ];
}

function whoSees({ trust }: PrivacyCard): string[] {
  return [
    `Mode \`${trust.mode}\`. ${trust.meaning}`,
    [
      '| what | who |',
      '| --- | --- |',
      `| one client’s contribution | ${trust.contributions} |`,
      `| sums | ${trust.sums} |`,
      `| the model | ${trust.model} |`,
      `| figures | ${trust.metrics} |`,
      `| who takes part | ${trust.cohort} |`,
    ].join('\n'),
  ];
}

function noiseDone({ noise }: PrivacyCard): string[] {
  if (noise.fewestSurvivors === null) return [];
  const fewest = `The fewest contributions of any release so far: ${noise.fewestSurvivors} of ${noise.clients}.`;
  if (noise.shareReceived === null || noise.addedBy !== 'clients') return [fewest];
  return [`${fewest} That one carried ${noise.shareReceived.toPrecision(3)} times the variance that ε needs.`];
}

function audit({ audit: made }: PrivacyCard): string {
  if (made === null)
    return 'None was made. The figures above are upper bounds by proof; no attack has tested this run.';
  const { method, epsilonLow, confidence, canaries, guesses, correct } = made;
  return `${method}: ${correct} of ${guesses} guesses about ${canaries} canaries were right, so ε is at least ${epsilonLow} with confidence ${confidence}.`;
}

function computed(card: PrivacyCard): string[] {
  if (card.guarantees.length === 0) return ['There was nothing to compute.'];
  return [
    ...card.guarantees.map((one: Guarantee) =>
      [
        `${capital(whomWords(one.account))}: the accountant \`${one.accountant}\` gives ${roundedUp(one.accounted)}; Rényi differential privacy alone would give ${roundedUp(one.rdpEpsilon)}.`,
        one.interval,
        one.error,
        ...(one.units === null ? [] : [`The plan reckons with about ${Math.round(one.units)} such units.`]),
      ].join(' '),
    ),
    'The JSON of this card holds every mechanism event with its count, and a Rényi curve, so that anybody can compute it again.',
  ];
}

/** Text of the plan's author, on one line, so that it cannot pass for a part of the card. */
function inline(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|!]/g, '\\$&');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
