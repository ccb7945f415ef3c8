import { SottoError } from '../errors/index.ts';
import type { Topology } from '../model/index.ts';
import {
  coordinatorNoiseVariance,
  inputWidth,
  outputWidth,
  planSlots,
  queryContext,
  sessionParts,
  type Plan,
} from '../plan/index.ts';
import type { MechanismEvent, PartSpec } from '../privacy/index.ts';
import type { QueryContext } from '../queries/index.ts';

/** A plan made ready for canaries: the real parts, and who plays which role. */
export type AuditSetup = {
  /** The plan's training alone, on a model with room for the canaries; clip, noise, sampling and cohort are the plan's. */
  readonly plan: Plan;
  readonly context: QueryContext;
  readonly part: PartSpec;
  /** Variance, in steps², that the coordinator adds to a sum: in `trusted` mode, else 0. */
  readonly coordinatorVariance: number;
  /** What the accountant counts for each release, with the plan's own model. */
  readonly event: MechanismEvent;
  /** Releases that the stated ε covers: the planned ones and every spare attempt. */
  readonly releasesMost: number;
  readonly stated: { readonly epsilon: number; readonly delta: number };
  /** Coordinates of the plan's own model; others than `part.dimension` where the model was replaced. */
  readonly planDimension: number;
  /**
   * The floor that the ε is stated for: of the roster, `lost` deal shares and go; of the survivors, `colluding` bring nothing
   * but noise that the adversary knows, and subtracts; the canaries are with the `honest`.
   */
  readonly roles: { readonly honest: number; readonly colluding: number; readonly lost: number };
  /** Canaries in one cohort, and how many cohorts that takes. */
  readonly canariesPerCohort: number;
  readonly cohorts: number;
};

/**
 * What an audit of a plan's training needs.
 *
 * At unit = record one cohort holds all canaries, each a record with a coordinate of its own. At unit = client a canary is a
 * client, and a sum at the floor has only minSurvivors − colluding of them: the canaries are split among as many independent
 * cohorts, each with its own sums and noise. Units of one cohort have no part in another, so all of it together is as
 * private for a unit as one cohort is, and the theorem holds for it.
 *
 * @throws {NO_NOISE} when the plan has no differential privacy: nothing is stated that could be broken
 * @throws {UNSUPPORTED} for a plan that does what canaries here do not follow
 * @throws {PLAN_INVALID} when no sum of the plan is possible
 */
export function auditSetup(plan: Plan, canaries: number): AuditSetup {
  if (plan.privacy.kind === 'none') {
    throw new SottoError('NO_NOISE', 'the plan has privacy none: it states no epsilon that an audit could test');
  }
  requireKnown(plan);
  const { epsilon, delta } = plan.privacy;
  const trainingOnly: Plan = { ...plan, evaluation: null };
  const { minSurvivors, colluding } = plan.cohort;
  const honest = plan.trust === 'secure' ? minSurvivors - colluding : minSurvivors;
  if (honest < 1) {
    throw new SottoError(
      'PLAN_INVALID',
      `plan.cohort: ${colluding} of ${minSurvivors} survivors collude, none is left`,
    );
  }
  const canariesPerCohort = plan.unit === 'client' ? honest : canaries;
  const resized = resizeModel(trainingOnly, canariesPerCohort);
  const [slot] = planSlots(trainingOnly);
  const [part] = sessionParts(resized, ['training']);
  const [ownPart] = sessionParts(trainingOnly, ['training']);
  if (slot === undefined || slot.event === null || part === undefined || ownPart === undefined) {
    throw new SottoError('INTERNAL', 'audit: the plan has no training');
  }
  return {
    plan: resized,
    context: queryContext(resized),
    part,
    coordinatorVariance: coordinatorNoiseVariance(resized, part),
    event: slot.event,
    releasesMost: slot.count,
    stated: { epsilon, delta },
    planDimension: ownPart.dimension,
    roles: {
      honest,
      colluding: plan.trust === 'secure' ? colluding : 0,
      lost: Math.max(0, plan.roster.clients.length - minSurvivors),
    },
    canariesPerCohort,
    cohorts: Math.ceil(canaries / canariesPerCohort),
  };
}

/** A clean result of an audit that left out what the plan does would be worth nothing. */
function requireKnown({ trust, training: { query } }: Plan): void {
  const unknown =
    trust === 'local'
      ? 'trust local, where each contribution is a release of its own'
      : trust === 'grouped'
        ? 'trust grouped, where each group’s sum is a release of its own: audit the plan of one group'
        : query.kind === 'update' && query.adaptiveClip !== undefined
          ? 'training.query.adaptiveClip, whose bound moves from release to release'
          : query.kind === 'update' && query.sampling?.kind === 'banded'
            ? 'training.query.sampling banded, where one update is in several releases'
            : null;
  if (unknown !== null) throw new SottoError('UNSUPPORTED', `an audit does not know ${unknown}`);
}

/** Models up to this many coordinates are audited as they are; each canary costs a vector of that length in each release. */
const ownModelMax = 8_192;

/**
 * The same plan on a model with room for so many canaries: its own where that has room and is not much larger, else one hidden
 * layer. Clip and noise multiplier are the plan's, and the grid follows the width, so that ε is the same.
 */
export function resizeModel(plan: Plan, coordinates: number): Plan {
  const [part] = sessionParts(plan, ['training']);
  const own = part?.dimension ?? 0;
  // Canaries are coordinates of what leaves: a layer that keeps its weights would lie between them.
  const whole = plan.topology.layers.every((layer) => !('trainable' in layer) || layer.trainable !== false);
  if (whole && own >= coordinates && own <= Math.max(coordinates, ownModelMax)) return plan;
  const [inputs, outputs] = [inputWidth(plan.schema), outputWidth(plan.schema.target)];
  const units = Math.max(1, Math.ceil((coordinates - outputs) / (inputs + 1 + outputs)));
  const topology: Topology = {
    layers: [
      { kind: 'dense', units, activation: 'tanh' },
      { kind: 'dense', units: outputs, activation: 'linear' },
    ],
  };
  return { ...plan, topology };
}
