import { cardWhom, roundedUpEpsilon } from '../../card/index.ts';
import { deltaText, epsilonText, numberText } from '../number-text.ts';
import type { ReportDocument } from '../report-schema.ts';
import { capital } from '../figure-words.ts';
import { markup, type Markup } from './markup.ts';
import { dataTable, facts } from './tables.ts';

/** What was spent and promised: the budgets with their slots, then the privacy card in words. */
export function privacySection(document: ReportDocument): Markup {
  return markup`${budgets(document)}${promise(document)}${collusion(document)}${limits(document)}`;
}

const slotWords: Readonly<Record<string, string>> = {
  survey: 'survey, before training',
  training: 'training',
  fit: 'fit: evaluations on units that train',
  evaluation: 'evaluations',
  trainReport: 'report on units that trained',
  report: 'report',
};

function budgets({ privacy, budgets: all }: ReportDocument): Markup {
  if (privacy === 'none') {
    return markup`<div class="panel">
      <h3>What was spent</h3>
      <p><strong>No privacy: ε = ∞.</strong> Anyone who sees the releases may learn records.</p>
    </div>`;
  }
  const rows = all.flatMap(({ field, epsilon, account, slots }) =>
    slots.map(({ slot, part, released, atMost, epsilonAlone }) => [
      markup`${slotWords[slot] ?? slot}`,
      part,
      `${released} of ${atMost}`,
      epsilonText(epsilonAlone),
      markup`<code>${field}</code> ${epsilonText(epsilon)}, ${cardWhom(account as Parameters<typeof cardWhom>[0])}`,
    ]),
  );
  return markup`<div class="panel">
    <h3>What was spent</h3>
    ${dataTable('ε of each kind of release alone, and the budget that it counts in', ['release', 'reads', 'done of at most', 'ε alone', 'budget'], rows)}
    <p class="note">
      A unit of one part is in the releases of that part alone. Within a budget the kinds cost together no more than its
      ε; it was fixed before the first round, and stopping early does not lower it.
    </p>
  </div>`;
}

function promise({ card }: ReportDocument): Markup {
  const lines = card.guarantees.map(
    ({ account, epsilon, delta, slots }) =>
      markup`<p>
        <strong>ε = ${String(epsilon)} at δ = ${deltaText(delta)}</strong> for ${cardWhom(account)}, over all releases
        of ${slots.join(', ')} together.
      </p>`,
  );
  return markup`<div class="panel">
    <h3>The privacy card</h3>
    ${lines}
    <p>${card.unit.meaning} ${card.adjacency.meaning}</p>
    ${facts([
      ['Mode', markup`<code>${card.trust.mode}</code> ${card.trust.meaning}`],
      ['One client’s contribution is seen by', card.trust.contributions],
      ['Sums are seen by', card.trust.sums],
      ['The model is seen by', card.trust.model],
      ['Noise', card.noise.meaning],
      [
        'Fewest contributions of any release',
        card.noise.fewestSurvivors === null ? '–' : `${card.noise.fewestSurvivors} of ${card.noise.clients}`,
      ],
      ['Keys', card.keys.meaning],
      ['Hyperparameters were chosen on', card.hyperparameters],
    ])}
    ${card.note === null ? null : markup`<p class="say">The author’s own words: “${card.note}”</p>`}
    <p class="note">
      ${card.audit === null ? 'No audit was made: the figures are upper bounds by proof.' : `${card.audit.method}: ε is at least ${card.audit.epsilonLow} with confidence ${card.audit.confidence}.`}
      The whole card, with what anyone needs to compute ε again, is in the JSON of this report.
    </p>
  </div>`;
}

function collusion({ card: { collusion: told, guarantees } }: ReportDocument): Markup | null {
  if (told.left.length === 0)
    return markup`<div class="panel">
      <h3>Who colludes</h3>
      <p>${told.meaning}</p>
    </div>`;
  const rows = told.left.map(({ colluding, atFewest, atAll }) => [
    `${colluding}${colluding === told.assumed ? ' (stated)' : ''}`,
    ...guarantees.flatMap((_, index) => [roundedUpEpsilon(atFewest[index]!), roundedUpEpsilon(atAll[index]!)]),
  ]);
  const heads = guarantees.flatMap(({ account }) => [
    `ε, ${account}, fewest contribute`,
    `ε, ${account}, all contribute`,
  ]);
  return markup`<div class="panel">
    <h3>Who colludes</h3>
    <p>${told.meaning}</p>
    ${dataTable('ε that is left', ['clients with the coordinator', ...heads], rows)}
  </div>`;
}

function limits({ card }: ReportDocument): Markup {
  return markup`<div class="panel">
    <h3>Outside of the guarantee</h3>
    <ul>
      ${card.outside.map((line) => markup`<li>${line}</li>`)}
    </ul>
    <details class="more">
      <summary>On what it rests</summary>
      <ul>
        ${card.assumptions.map((line) => markup`<li>${line}</li>`)}
      </ul>
      <ul>
        ${card.guarantees.map((one) => markup`<li>${capital(cardWhom(one.account))}: the accountant ${one.accountant} gives ${numberText(one.accounted)}; Rényi differential privacy alone ${numberText(one.rdpEpsilon)}.</li>`)}
      </ul>
    </details>
  </div>`;
}
