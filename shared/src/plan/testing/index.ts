export {
  exampleAuthority,
  exampleClient,
  exampleClients,
  examplePlan,
  type ExampleClient,
  type ExamplePlanOptions,
} from './example-plan.ts';
