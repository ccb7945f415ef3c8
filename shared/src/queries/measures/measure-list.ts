import { z } from 'zod';
import { SottoError } from '../../errors/index.ts';
import type { MeasureSettings } from '../query.ts';
import type { Measure } from './measure.ts';
import { attributions, attributionsSettings } from './attributions.ts';
import { certified, certifiedSettings } from './certified.ts';
import { clients, clientsSettings } from './clients.ts';
import { columns, columnsSettings } from './columns.ts';
import { corruption, corruptionSettings } from './corruption.ts';
import { dependence, dependenceSettings } from './dependence.ts';
import { fairness, fairnessSettings } from './fairness.ts';
import { groupLabels, groupLabelsSettings } from './group-labels.ts';
import { labels, labelsSettings } from './labels.ts';
import { membership, membershipSettings } from './membership.ts';
import { performance, performanceSettings } from './performance.ts';
import { permutation, permutationSettings } from './permutation.ts';
import { robustness, robustnessSettings } from './robustness.ts';

/** Every measure that a plan may ask for, in the order in which reports show them. */
const measures = [
  erased(performance),
  erased(fairness),
  erased(groupLabels),
  erased(clients),
  erased(robustness),
  erased(corruption),
  erased(certified),
  erased(attributions),
  erased(permutation),
  erased(dependence),
  erased(membership),
  erased(labels),
  erased(columns),
];

/** A measure's settings as a plan states them; a kind stands once in a list. */
export const measureSettingsSchema = z.discriminatedUnion('kind', [
  performanceSettings,
  fairnessSettings,
  groupLabelsSettings,
  clientsSettings,
  robustnessSettings,
  corruptionSettings,
  certifiedSettings,
  attributionsSettings,
  permutationSettings,
  dependenceSettings,
  membershipSettings,
  labelsSettings,
  columnsSettings,
]);
export type MeasureSettingsOf = z.infer<typeof measureSettingsSchema>;

/**
 * The measure of some settings.
 * @throws {INTERNAL} when there is none: settings come from a plan that was parsed.
 */
export function measureOf({ kind }: MeasureSettings): Measure {
  const found = measures.find((measure) => measure.kind === kind);
  if (found === undefined) throw new SottoError('INTERNAL', `measure ${kind}: there is none`);
  return found;
}

/** A measure is given nobody's settings but its own: the schema decides by the kind. */
function erased<Settings>(measure: Measure<Settings>): Measure {
  return measure as unknown as Measure;
}
