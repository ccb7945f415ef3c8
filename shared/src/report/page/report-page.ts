import { sha256 } from '../../crypto/index.ts';
import { utf8 } from '../../vector/index.ts';
import { challengesAsked } from '../challenges.ts';
import { deltaText, epsilonText, numberText } from '../number-text.ts';
import type { Challenge, ReportDocument } from '../report-schema.ts';
import { figureWords } from '../figure-words.ts';
import { intervalText } from './interval.ts';
import { markup, type Content, type Markup } from './markup.ts';
import { privacySection } from './privacy-section.ts';
import {
  challengeSection,
  changesSection,
  dataCardSection,
  modelSection,
  remediesSection,
  thresholdsSection,
  trainingSection,
  withheldSection,
} from './sections.ts';
import { style } from './style.ts';

/**
 * The report as one page: no script, nothing from elsewhere, light or dark as its reader has it, and good on paper. Its own policy lets it load
 * nothing and run nothing; what plan and releases say is escaped.
 *
 * The order is that of a technical file (after Annex IV of the EU's AI Act) and of model cards: what it is, how it was made, of which data, how well it
 * does and for whom, what it withstands, what it gives away. It claims no conformity with anything.
 *
 * @see Mitchell et al. 2019, "Model Cards for Model Reporting"; Regulation (EU) 2024/1689, Annex IV.
 */
export function reportPage(document: ReportDocument): string {
  const { plan, run } = document;
  const page = markup`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta
        http-equiv="Content-Security-Policy"
        content="default-src 'none'; style-src 'sha256-${base64(sha256(utf8(style)))}'; img-src data:; base-uri 'none'; form-action 'none'"
      />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="referrer" content="no-referrer" />
      <link rel="icon" href="data:," />
      <title>${plan.name}: model report</title>
      ${{ markup: `<style>${style}</style>` }}
    </head>
    <body>
      <svg class="defs" aria-hidden="true" focusable="false">
        <defs>
          <pattern id="floor" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <line x1="0" x2="0" y1="0" y2="6" class="floor-line" />
          </pattern>
          <pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
            <line x1="0" x2="0" y1="0" y2="6" class="gap-line" />
          </pattern>
        </defs>
      </svg>
      <main>
        <header>
          <p class="eyebrow">Model report</p>
          <h1>${document.sentence}</h1>
          <p class="about">
            ${plan.name} · model <code>${run.modelHash.slice(0, 8)}</code> · run <code>${run.runId.slice(0, 8)}</code>,
            ${run.state} · ${privacyWords(document)}
          </p>
        </header>
        ${strip(document)} ${section('asked', 'What was asked of it', thresholdsSection(document))}
        ${section('model', 'What the model is', modelSection(document))}
        ${section('training', 'How it was made', trainingSection(document))}
        ${challengeSection('data', document)}${dataCardSection(document)}
        ${answered.map((challenge) => challengeSection(challenge, document))}
        ${section('privacy-spent', 'What it cost in privacy', privacySection(document))}
        ${section('withheld', 'What is withheld', withheldSection(document))}
        ${section('remedies', 'What can be done', remediesSection(document, challengesAsked))}
        ${section('changes', 'What changed', changesSection(document))}
        ${section('reading', 'How to read and check this', reading(document))}
      </main>
    </body>
  </html>`;
  return `<!doctype html>\n${page.markup}\n`;
}

/** In this order; the data come before. */
const answered: readonly Challenge[] = [
  'performance',
  'overfitting',
  'fairness',
  'robustness',
  'explanation',
  'other',
  'privacy',
];

function section(id: string, title: string, content: Content): Markup {
  return markup`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${content}
  </section>`;
}

function privacyWords({ privacy, unit, budgets }: ReportDocument): string {
  if (privacy === 'none') return 'no privacy: ε = ∞';
  const whom = unit === 'client' ? 'one client' : 'one record';
  return budgets
    .map(
      ({ epsilon, delta, account }) =>
        `ε ${epsilonText(epsilon)}, δ = ${deltaText(delta)}, ${account === 'client' ? whom : `${whom} of the ${account} part`}`,
    )
    .join(' · ');
}

/** Five figures at most: the first two of performance, ε, rounds, clients. */
function strip({ measures, budgets, run, plan, privacy }: ReportDocument): Markup {
  const performance = measures.find(({ kind, slot, newest }) => kind === 'performance' && slot === 'report' && newest);
  const wanted = [
    'performance.accuracy',
    'performance.auroc',
    'performance.rootMeanSquaredError',
    'performance.determination',
  ];
  const figures = wanted
    .flatMap((name) => performance?.figures.filter((figure) => figure.name === name) ?? [])
    .slice(0, 2)
    .map(
      ({ name, figure }) =>
        [
          figureWords(name),
          figure === null
            ? markup`<small>withheld</small>`
            : markup`${numberText(figure.value)} <small>${intervalText(figure)}</small>`,
        ] as const,
    );
  const cells: readonly (readonly [string, Content])[] = [
    ...figures,
    privacy === 'none'
      ? ['Privacy', 'ε = ∞']
      : [
          'ε, stated',
          budgets.map(
            ({ epsilon, account }) =>
              markup`<span class="line">${epsilonText(epsilon)} <small>${account}</small></span>`,
          ),
        ],
    ['Rounds', markup`${String(run.roundsRun)} <small>of ${String(run.roundsPlanned)}</small>`],
    ['Clients', markup`${String(plan.clients)} <small>on the roster</small>`],
  ];
  return markup`<dl class="strip">
    ${cells.map(
      ([name, value]) =>
        markup`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

function reading({ run, plan }: ReportDocument): Markup {
  return markup`<div class="panel">
    <ul>
      <li>
        Every interval is of 95 %, two-sided. The thick bar is what chance alone leaves at this many units; the thin
        line is that and the privacy noise together.
      </li>
      <li>
        Hatched: the noise floor, what noise alone shows in 95 of 100 releases where there is nothing. A hollow mark
        lies inside it.
      </li>
      <li>
        Met: the whole thin interval lies on the asked side. Not met: the whole of it on the other. Cannot tell: it
        holds the threshold, or the figure is inside its noise floor, or is withheld. It is the usual answer for few
        units, and no fault.
      </li>
      <li>n ≈ is a noisy count. Figures of few units, and figures that noise drowns, are withheld.</li>
      <li>
        All of it is concluded from the run’s releases: nothing else left a client, and this page costs no further ε.
        <code>sotto replay ${run.runId.slice(0, 8)}</code> computes model
        <code>${run.modelHash.slice(0, 8)}</code> again from plan <code>${plan.hash.slice(0, 8)}</code> and the
        releases; <code>sotto report ${run.runId.slice(0, 8)}</code> this report.
      </li>
      <li>
        A sum believes its clients: one that runs changed code can shift it within what honest clients could send.
      </li>
      <li>
        The order follows Annex IV of the EU’s AI Act and model cards, so that a technical file can quote it. It is
        measurement, not a legal assessment.
      </li>
    </ul>
  </div>`;
}

/** Base64 with padding, as a content security policy wants it. */
function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
