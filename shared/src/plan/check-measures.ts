import { measureOf, stepsOfOne, type MeasureSettings, type MeasuresSlot } from '../queries/index.ts';
import type { PlanReport } from './plan-finding.ts';
import type { Plan } from './plan-schema.ts';
import { queryContext } from './query-context.ts';

/** What a plan asks about data and model: whether it can be answered, as far as the plan shows. */
export function checkMeasures(plan: Plan, report: PlanReport): void {
  // Measures are asked about a topology that fits its schema.
  if (report.problems.length > 0) return;
  const { survey, report: asked } = plan;
  if (survey !== undefined) checkList(plan, 'survey', 'survey', survey.measures, report);
  checkStopBelow(plan, report);
  if (asked === undefined) return;
  checkList(plan, 'report', 'report', asked.measures, report);
  if (asked.train !== undefined) checkList(plan, 'report.train', 'trainReport', asked.train.measures, report);
  if (plan.split[asked.part] === 0) {
    report.problems.push({
      path: `plan.split.${asked.part}`,
      problem: `the report reads the ${asked.part} part, which is empty`,
      cure: 'Give the part a fraction above 0, or report on another part.',
    });
  }
  if (plan.trust === 'grouped') {
    report.problems.push({
      path: 'plan.trust',
      problem: 'grouped: a report is made from one sum over the whole cohort',
      cure: 'Use secure, or take the report out.',
    });
  }
}

/** What a survey may end a run by: labels that it counts, and classes that are counted in units. */
function checkStopBelow({ survey, schema, unit, trust }: Plan, report: PlanReport): void {
  if (survey?.stopBelow === undefined) return;
  const path = 'plan.survey.stopBelow';
  if (!survey.measures.some(({ kind }) => kind === 'labels')) {
    report.problems.push({
      path,
      problem: 'the survey does not count labels, by which it would be decided',
      cure: 'Add the measure labels to survey.measures.',
    });
  }
  if (trust === 'grouped') {
    report.problems.push({
      path,
      problem: 'grouped: each group would have to stop by itself',
      cure: 'Take it out, or use secure.',
    });
  }
  const { stopBelow, minimumUnits } = survey;
  if (stopBelow.classUnits !== undefined && stopBelow.classUnits < minimumUnits) {
    report.problems.push({
      path: `${path}.classUnits`,
      problem: `a class with fewer units than survey.minimumUnits ${minimumUnits} is withheld, so the run would end below that`,
      cure: 'Raise it, or lower survey.minimumUnits.',
    });
  }
  const counted = schema.target.kind !== 'number' && unit === 'record';
  if (survey.stopBelow.classUnits !== undefined && !counted) {
    report.problems.push({
      path: `${path}.classUnits`,
      problem:
        unit === 'client' ? 'at unit client shares are counted, no units of a class' : 'a number target has no classes',
      cure: 'Take it out; units may stay.',
    });
  }
}

/** Fewest grid steps that a one is worth: with fewer, truncation would blur what is counted. */
const stepsMin = 16;

function checkList(
  plan: Plan,
  path: string,
  slot: MeasuresSlot,
  list: readonly MeasureSettings[],
  report: PlanReport,
): void {
  const context = queryContext(plan);
  const seen = new Set<string>();
  list.forEach((settings, index) => {
    const at = `plan.${path}.measures[${index}]`;
    if (seen.has(settings.kind)) {
      report.problems.push({ path: at, problem: `${settings.kind} is asked for twice`, cure: 'Ask for it once.' });
    }
    seen.add(settings.kind);
    for (const found of measureOf(settings).problems(context, settings)) {
      report.problems.push({ ...found, path: found.path === '' ? at : `${at}.${found.path}` });
    }
  });
  if (report.problems.length > 0) return;
  stepsOfOne(context, slot).forEach((steps, index) => {
    if (steps >= stepsMin) return;
    report.problems.push({
      path: `plan.${path}.measures[${index}].share`,
      problem: `beside the others it leaves a unit ${steps} grid steps of at least ${stepsMin}`,
      cure: 'Raise it, or lower the shares of the others.',
    });
  });
}
