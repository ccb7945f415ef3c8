import { epsilonFault, perturbationFault } from '../judging/index.ts';
import { checkTopology, trainedLayout } from '../model/index.ts';
import { gridStepsPerRms } from '../privacy/index.ts';
import { queryByName } from '../queries/index.ts';
import { layoutLength } from '../vector/index.ts';
import { everyUnit, expectedUpdates, hidesCoin, trainingNumerator } from './client-sampling.ts';
import { clippedCountStddevOf } from './clip-norm.ts';
import { inputWidth, outputWidth, type Target } from './data-schema.ts';
import { inputColumns } from './input-columns.ts';
import { orProblem, type PlanReport } from './plan-finding.ts';
import type { Plan } from './plan-schema.ts';

const lossOf = {
  binary: 'binaryCrossEntropy',
  classes: 'categoricalCrossEntropy',
  number: 'meanSquaredError',
} as const satisfies Record<Target['kind'], Plan['loss']>;

/** Why a query is not sound, or not made, at the other unit. soundness.md §4. */
const wrongUnit = {
  gradient: 'joint DP-SGD clips each record by itself, which promises nothing to a client as a whole',
  update:
    "FedAvg's local epochs at unit record are unsound: after the first local step one record moves every later step",
} as const;

/** Model, loss, query, strategy, unit and split: whether they can stand together. */
export function checkLearning(plan: Plan, report: PlanReport): void {
  const { query, strategy } = plan.training;
  const problem = (field: string, problem: string, cure: string): void => {
    report.problems.push({ path: `plan.${field}`, problem, cure });
  };
  orProblem(report, () =>
    checkTopology(plan.topology, inputWidth(plan.schema), outputWidth(plan.schema.target), plan.loss),
  );
  checkTokens(plan, report);
  const expectedLoss = lossOf[plan.schema.target.kind];
  if (plan.loss !== expectedLoss) {
    problem(
      'loss',
      `a ${plan.schema.target.kind} target is trained by ${expectedLoss}, not ${plan.loss}`,
      `Set it to ${expectedLoss}.`,
    );
  }
  if (!queryByName(query.kind).units.includes(plan.unit)) {
    problem(
      'training.query.kind',
      `${query.kind} is not offered at unit ${plan.unit}: ${wrongUnit[query.kind]}`,
      plan.unit === 'record' ? 'Use gradient, or unit client.' : 'Use update, or unit record.',
    );
  }
  if ((strategy.kind === 'fedAvg') !== (query.kind === 'update')) {
    problem(
      'training.strategy.kind',
      `${strategy.kind} takes ${strategy.kind === 'fedAvg' ? 'the deltas of update' : 'the mean gradient of gradient'}, the query is ${query.kind}`,
      query.kind === 'update' ? 'Use fedAvg.' : 'Use fedSgd or fedSgdAdam.',
    );
  }
  checkAugmentation(plan, report);
  checkAdaptiveClip(plan, report);
  checkAdversarial(plan, report);
  checkSplit(plan, report);
  if (plan.evaluation?.detail === 'confusion' && plan.schema.target.kind === 'number') {
    problem('evaluation.detail', 'a number target has no confusion matrix', 'Set it to accuracy.');
  }
  checkSampling(plan, report);
  checkPace(plan, report);
  if (plan.unit === 'record' && plan.schema.unitId === null) {
    report.warnings.push({
      path: 'plan.schema.unitId',
      problem: 'no column names the person, so privacy is promised to a row: somebody with several rows has less of it',
      cure: 'Name the column with the person’s id, unless everybody has one row.',
    });
  }
}

/** An embedding reads the columns' numbers as tokens: no other scale, and none beyond the vocabulary. */
function checkTokens({ topology, schema }: Plan, report: PlanReport): void {
  const embedding = topology.layers.find(({ kind }) => kind === 'embedding');
  if (embedding?.kind !== 'embedding') return;
  const { vocabulary } = embedding;
  const index = schema.columns.findIndex(
    (column) =>
      column.kind !== 'number' ||
      column.transform !== 'identity' ||
      column.centre !== 0 ||
      column.scale !== 1 ||
      column.min < 0 ||
      column.max >= vocabulary ||
      (column.fill !== null && (column.fill < 0 || column.fill >= vocabulary)),
  );
  const column = schema.columns[index];
  if (column === undefined) return;
  report.problems.push({
    path: `plan.schema.columns[${index}]`,
    problem: `the embedding takes whole numbers from 0 to ${vocabulary - 1}, the column ${column.name} may hold others`,
    cure: `Make it a number column with centre 0, scale 1, and min, max and fill within 0 and ${vocabulary - 1}.`,
  });
}

/** Adversarial training needs inputs that can be moved a little, and no further than they reach. */
function checkAdversarial({ topology, schema, training }: Plan, report: PlanReport): void {
  const { adversarial } = training.query;
  if (adversarial === undefined) return;
  const path = 'plan.training.query.adversarial';
  const columns = inputColumns(schema);
  const fault = perturbationFault(topology, columns);
  if (fault !== null) {
    report.problems.push({ path, ...fault });
    return;
  }
  const beyond = epsilonFault(columns, adversarial.norm, adversarial.epsilon);
  if (beyond !== null) report.problems.push({ path: `${path}.epsilon`, ...beyond });
}

/** What a device does to its rows: whether it makes sense of them, and keeps units apart where they are what is protected. */
function checkAugmentation({ training, topology, schema, unit }: Plan, report: PlanReport): void {
  const { augmentation } = training.query;
  if (augmentation === undefined) return;
  const problem = (field: string, problem: string, cure: string): void => {
    report.problems.push({ path: `plan.training.query.augmentation${field}`, problem, cure });
  };
  if (augmentation.noise === 0 && augmentation.mixup === 0) {
    problem('', 'noise 0 and mixup 0 change nothing', 'Take it out, or raise one of both.');
  }
  if (unit === 'record' && augmentation.mixup > 0) {
    problem(
      '.mixup',
      'mixup at unit record is unsound: a unit’s gradient would be one of other units’ rows as well',
      'Take it out, use noise, or use unit client.',
    );
  }
  if (topology.layers.some(({ kind }) => kind === 'embedding')) {
    problem('', 'the embedding takes tokens, which cannot be noisy or mixed', 'Take it out.');
  } else if (augmentation.noise > 0 && schema.columns.every(({ kind }) => kind === 'category')) {
    problem('.noise', 'every column is a category, and noise is for numbers and pixels', 'Take it out.');
  }
}

/** Fewest grid steps that a clip bit is worth: below, truncation would blur the share that the bound follows. */
const clipBitSteps = 16;

/** Update and clip bit share one norm, so the bits' noise cannot be much smaller than the updates'. privacy.md §4. */
function checkAdaptiveClip(plan: Plan, report: PlanReport): void {
  const { query, noiseMultiplier } = plan.training;
  const countStddev = clippedCountStddevOf(plan);
  if (query.kind !== 'update' || query.adaptiveClip === undefined || countStddev === null) return;
  const { clipNormMin, clipNormMax } = query.adaptiveClip;
  if (!(clipNormMin <= query.clipNormL2 && query.clipNormL2 <= clipNormMax)) {
    report.problems.push({
      path: 'plan.training.query.clipNormL2',
      problem: `the bound begins at ${query.clipNormL2}, outside of its limits ${clipNormMin} and ${clipNormMax}`,
      cure: 'Begin within the limits clipNormMin and clipNormMax.',
    });
  }
  if (plan.privacy.kind === 'none' || noiseMultiplier === undefined) return;
  const path = 'plan.training.query.adaptiveClip.clippedCountStddev';
  if (noiseMultiplier >= 2 * countStddev) {
    report.problems.push({
      path,
      problem: `${countStddev} at noiseMultiplier ${noiseMultiplier} leaves nothing of the norm for the updates`,
      cure: 'Quantile noise too small: raise clippedCountStddev above z/2.',
    });
  } else if (report.problems.length === 0) {
    const dimension = layoutLength(trainedLayout(plan.topology, inputWidth(plan.schema))) + 1;
    const steps = (noiseMultiplier / (2 * countStddev)) * gridStepsPerRms * Math.sqrt(dimension);
    if (steps < clipBitSteps) {
      report.problems.push({
        path,
        problem: `${countStddev} at noiseMultiplier ${noiseMultiplier} leaves the clip bit ${steps.toPrecision(2)} grid steps of at least ${clipBitSteps}`,
        cure: 'Quantile noise too large: lower clippedCountStddev.',
      });
    }
  }
}

function checkSplit(plan: Plan, report: PlanReport): void {
  const { validation, test } = plan.split;
  if (validation + test >= 1) {
    report.problems.push({
      path: 'plan.split',
      problem: `validation ${validation} and test ${test} leave nothing to train on`,
      cure: 'Lower them so that together they stay below 1.',
    });
  }
  if (plan.evaluation !== null && plan.split[plan.evaluation.part] === 0) {
    report.problems.push({
      path: `plan.split.${plan.evaluation.part}`,
      problem: `the evaluation reads the ${plan.evaluation.part} part, which is empty`,
      cure: 'Give the part a fraction above 0, or evaluate on another part.',
    });
  }
}

/**
 * The coin's part in ε holds only while it is secret, and training takes as long as what it drew: without a pace the time of each
 * upload would tell how much that was (soundness.md §1, §2.1). Where a client tosses a coin of its own, the pace is the one time at which
 * its uploads leave.
 */
function checkPace(plan: Plan, report: PlanReport): void {
  const { query, paceMs } = plan.training;
  const { uploadMs } = plan.deadlines;
  if (hidesCoin(plan) && paceMs >= uploadMs) {
    report.problems.push({
      path: 'plan.training.paceMs',
      problem: `uploads leave after ${paceMs} ms, and are awaited for ${uploadMs} ms`,
      cure: 'Set it well below deadlines.uploadMs.',
    });
  }
  if (plan.privacy.kind === 'none' || trainingNumerator(plan) === everyUnit) return;
  // In trusted mode too: there the coin counts against the other clients, who see when a session closes.
  if (paceMs > 0) return;
  report.problems.push({
    path: 'plan.training.paceMs',
    problem: `uploads would leave as soon as they are ready, and their times would tell ${
      query.kind === 'gradient' ? 'how many units the coin drew' : 'what each client’s coin said'
    }`,
    cure: 'Set it above the time that a round’s training takes, 100 for example.',
  });
}

/** Megabytes of past updates in the coordinator's state that pass without a remark. */
const pastMegabytesMax = 500;

/** How the clients of a plan take part: by a coin of their own, or in turn. */
function checkClientSampling(plan: Plan, report: PlanReport): void {
  const { query, rounds } = plan.training;
  const updates = expectedUpdates(plan);
  if (query.kind !== 'update' || query.sampling === undefined || updates === null) return;
  const { sampling } = query;
  const path = 'plan.training.query.sampling';
  if (updates < 1) {
    report.warnings.push({
      path: sampling.kind === 'hidden' ? `${path}.samplingNumerator` : `${path}.bands`,
      problem: `fewer than one new update a round is expected (${updates.toPrecision(2)})`,
      cure:
        sampling.kind === 'hidden'
          ? 'Raise the sampling rate.'
          : 'Lower it, let each client take part more often, or have more clients.',
    });
  }
  if (sampling.kind === 'hidden') return;
  if (plan.unit === 'record') {
    report.problems.push({
      path: `${path}.kind`,
      problem: 'banded at unit record is unsound: a client would keep over rounds what single records have made',
      cure: 'Take it out, or use unit client.',
    });
  }
  if (sampling.bands > rounds) {
    report.problems.push({
      path: `${path}.bands`,
      problem: `an update is to be sent in ${sampling.bands} rounds, the plan has ${rounds}`,
      cure: `Lower it to at most ${rounds}.`,
    });
  }
  if (query.adaptiveClip !== undefined) {
    report.problems.push({
      path: 'plan.training.query.adaptiveClip',
      problem: 'with banded sampling an update is sent again in later rounds, whose bound would be another',
      cure: 'Take out one of both.',
    });
  }
  if (report.problems.length > 0) return;
  const dimension = layoutLength(trainedLayout(plan.topology, inputWidth(plan.schema)));
  const megabytes = ((sampling.bands - 1) * dimension * 8) / 1e6;
  if (megabytes > pastMegabytesMax) {
    report.warnings.push({
      path: `${path}.bands`,
      problem: `the coordinator keeps the last ${sampling.bands - 1} updates, ${Math.round(megabytes)} MB with every release`,
      cure: 'Lower it, or see that the disk has room.',
    });
  }
}

/** `expectedBatch` is a public guess of rate × units: together they say how many units the plan reckons with. */
function checkSampling(plan: Plan, report: PlanReport): void {
  const { query } = plan.training;
  if (query.kind === 'update') return checkClientSampling(plan, report);
  const units = (query.expectedBatch * 2 ** 32) / query.samplingNumerator;
  const clients = plan.roster.clients.length;
  if (units < clients) {
    report.warnings.push({
      path: 'plan.training.query.expectedBatch',
      problem: `a batch of ${query.expectedBatch} at this sampling rate reckons with ${units.toPrecision(3)} units at ${clients} clients`,
      cure: 'Set it to the sampling rate times the number of units that you expect in all.',
    });
  }
  if (query.expectedBatch < 1) {
    report.warnings.push({
      path: 'plan.training.query.samplingNumerator',
      problem: `fewer than one unit a round is expected (${query.expectedBatch})`,
      cure: 'Raise the sampling rate and the batch with it.',
    });
  }
}
