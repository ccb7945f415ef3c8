export { exampleReportInput, type ExampleReportOptions } from './example-report.ts';
