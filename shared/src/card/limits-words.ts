import { isSummedSecretly, removableNoise, type Plan } from '../plan/index.ts';
import type { PrivacyCard } from './card-schema.ts';

/** How the hyperparameters were chosen, as the plan's author says. */
const tuningWords: Readonly<Record<PrivacyCard['hyperparameters'], string>> = {
  notTuned: 'Learning rate, clip norm, number of rounds and the like were not tuned, as the plan’s author states.',
  publicData:
    'Learning rate, clip norm, number of rounds and the like were chosen on public data, as the plan’s author states.',
  otherData:
    'Learning rate, clip norm, number of rounds and the like were chosen on other data, as the plan’s author states.',
  sameDataUnpaid:
    'Learning rate, clip norm, number of rounds and the like were chosen on these data or on runs over them, as the plan’s author states. What that choice tells about the data is not counted in ε.',
  unstated:
    'The plan does not say on what learning rate, clip norm, number of rounds and the like were chosen. If it was on these data, or on runs over them, what that choice tells is not counted in ε.',
};

/** What no ε on the card covers. */
export function outside(plan: Plan): string[] {
  return [
    tuningWords[plan.disclosure?.hyperparameters ?? 'unstated'],
    'The data schema is public: ranges, centres, scales, fill values and categories count as known beforehand. If they were computed from these data, what they tell is not counted in ε.',
    'Clip norms, expected batch and sampling rate are constants of the plan; if they were set after a look at these data, that look is not counted in ε.',
    'Stopping early, or choosing one of the models, costs nothing where it looks at the released figures alone, and does not lower ε. A choice by figures that owners computed on their own screens, such as a score on held-out rows, is not counted.',
    'Who took part and when, who dropped out, from which address, and which policy line refused a plan. The data do not enter into these; the name of a participant may tell something by itself.',
    'Other runs over the same data, in this federation or another, and another node with a copy of the data. Each owner’s own ledger adds up what it was asked; this card is about one plan.',
    ...(plan.initialWeights.checkpoint === undefined
      ? []
      : [
          'The data that the first model was made of: the run begins with weights that its author brought along, and what they tell about those data is nobody’s ε here.',
        ]),
    ...(plan.trust === 'trusted'
      ? ['What the coordinator itself sees: each client’s contribution before any noise.']
      : []),
  ];
}

/** What the collusion table means. */
export function collusionWords(plan: Plan): string {
  const { trust, privacy, cohort } = plan;
  if (privacy.kind === 'none') return 'Without noise there is nothing that colluders could take away.';
  if (trust === 'trusted') {
    return 'The coordinator sees every contribution. Against clients and readers of the model, however many, the stated ε holds while the coordinator keeps contributions and noise to itself.';
  }
  if (trust === 'local') {
    return 'Nobody but the client itself knows its noise, and its own noise is enough: the stated ε holds against coordinator and all other clients together.';
  }
  return (
    `Each client knows the noise that it added. If it tells the coordinator, so much less is left to hide the others${
      trust === 'grouped' ? ' of its group' : ''
    }. The stated ε allows for ${cohort.colluding}${trust === 'grouped' ? ' in each group' : ''}. ` +
    'Another participant by itself counts as one, because it sees every model: for what a participant can learn about you, read the row for 1. ' +
    (removableNoise(plan) === undefined
      ? ''
      : 'Noise that the contributions present do not need is taken back, so of two figures in a row the larger one holds, however many contribute. ') +
    'A client that leaves its noise out counts as one as well. Beyond the last row the secure sum itself no longer protects, and nothing is promised.'
  );
}

/** What the masks rest on, by suite. */
const suiteWords: Readonly<Record<Plan['suite'], string>> = {
  x25519:
    'The masks around each contribution rest on X25519. Whoever recorded the traffic, broke its transport encryption and could break X25519 later, by a quantum computer for example, would see single contributions, each with its own share of the noise alone.',
  'x25519+mlkem768':
    'The masks around each contribution rest on X25519 and ML-KEM-768 together. Whoever recorded the traffic would have to break both to see single contributions, each with its own share of the noise alone.',
};

/** On what the draw of the groups rests. */
const groupWords =
  'The groups were drawn from the plan’s hash and the authority’s signature, and are the same in every round. The promise holds in a group whose clients beyond the assumed number do not collude: colluding clients that are few in the roster may by chance be many in one group, and an authority that signs anew until the draw pleases it can bring that about.';

/** Of which ε the units of clients are that train nothing. */
function heldOutWords({ heldOut, roster, evaluation, unit }: Plan): string[] {
  if (heldOut === undefined || unit === 'client') return [];
  const read = evaluation === null ? 'the report' : 'the evaluation';
  return [
    `${heldOut.length} of the ${roster.clients.length} clients train nothing. Their training part is read by ${read} with its own part, so of these clients it is subject to that ε and not to the training’s; their own books count it in every part.`,
  ];
}

/** On what the promise rests, and what it is not. */
export function assumptions(plan: Plan): string[] {
  const general = [
    'ε limits what can be learned from the releases about one unit’s presence. It does not hide what is true of people like that unit, which the model is there to learn.',
    'Units are treated as independent. Where records are correlated, as of relatives or of one person in several tables, others’ records may tell about a unit more than ε says.',
    'Nothing is promised to people whose data are in no client’s table, and nothing about data that somebody else publishes.',
  ];
  if (plan.privacy.kind === 'none') {
    return ['There is no differential privacy: ε = ∞. A sum or a model may give away single records.', ...general];
  }
  return [
    ...general,
    'The figures are for the releases of this plan, made by honest copies of this program on the clients that do not collude.',
    ...(isSummedSecretly(plan) ? [suiteWords[plan.suite]] : []),
    ...(plan.trust === 'grouped' ? [groupWords] : []),
    ...(plan.unit === 'record'
      ? [
          'Each owner splits its units into parts by a keyed hash of the unit’s id, fixed before the first plan. A unit lies in one part, so it is subject to that part’s ε alone.',
        ]
      : []),
    ...heldOutWords(plan),
    ...coinWords(plan),
  ];
}

/** What is said where ε counts on secret coins, or on turns. */
function coinWords({ unit, training: { query } }: Plan): string[] {
  if (query.kind === 'gradient' && query.samplingNumerator < 2 ** 32) {
    return [
      'The ε of training counts on the coin: each client decides for each unit and session, secretly, whether it is read. It holds against whoever does not learn what the coin said.',
    ];
  }
  if (unit !== 'client' || query.kind !== 'update') return [];
  if (query.sampling?.kind === 'hidden') {
    return [
      'The ε of training counts on the coin: each client decides for each session, secretly, whether it contributes or sends noise alone. It holds against whoever does not learn what the coin said.',
    ];
  }
  if (query.sampling?.kind === 'banded') {
    return [
      `Nobody is sampled: clients take turns in an order that everybody knows. The ε of training counts on each making at most ${query.sampling.maxParticipations} updates, which each client’s own books enforce.`,
    ];
  }
  return [];
}
