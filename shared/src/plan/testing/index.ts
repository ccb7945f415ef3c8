export {
  exampleAuthority,
  exampleClient,
  exampleClients,
  examplePlan,
  type ExampleClient,
  type ExamplePlanOptions,
} from './example-plan.ts';
export { trainingRounds, type TrainingRound } from './training-rounds.ts';
