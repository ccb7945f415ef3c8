import { SottoError } from '../../errors/index.ts';
import type { MeasureSettings } from '../query.ts';
import { concludeAttributions } from './attributions.ts';
import { concludeCertified } from './certified.ts';
import { concludeClients } from './clients.ts';
import { concludeColumns } from './columns.ts';
import { concludeCorruption } from './corruption.ts';
import { concludeDependence } from './dependence.ts';
import { concludeFairness } from './fairness.ts';
import { concludeGroupLabels } from './group-labels.ts';
import { concludeLabels } from './labels.ts';
import { concludeMembership } from './membership.ts';
import { concludePerformance } from './performance.ts';
import { concludePermutation } from './permutation.ts';
import { concludeRobustness } from './robustness.ts';
import type { Conclude, MeasureReport } from './measure.ts';

/** What the sum of each measure says, by its kind. */
const conclusions: Readonly<Record<string, Conclude>> = {
  attributions: erased(concludeAttributions),
  certified: erased(concludeCertified),
  clients: erased(concludeClients),
  columns: erased(concludeColumns),
  corruption: erased(concludeCorruption),
  dependence: erased(concludeDependence),
  fairness: erased(concludeFairness),
  groupLabels: erased(concludeGroupLabels),
  labels: erased(concludeLabels),
  membership: erased(concludeMembership),
  performance: erased(concludePerformance),
  permutation: erased(concludePermutation),
  robustness: erased(concludeRobustness),
};

/**
 * How the measure of some settings is concluded.
 * @throws {INTERNAL} when there is none: settings come from a plan that was parsed.
 */
export function conclusionOf({ kind }: MeasureSettings): Conclude {
  const found = conclusions[kind];
  if (found === undefined) throw new SottoError('INTERNAL', `measure ${kind}: there is no conclusion`);
  return found;
}

/** A conclusion is given nobody's settings but its measure's: the schema decides by the kind. */
function erased<Settings, Figures extends MeasureReport>(conclude: Conclude<Settings, Figures>): Conclude {
  return conclude as unknown as Conclude;
}
