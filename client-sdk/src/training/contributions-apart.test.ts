import { examplePlan } from '@sotto/shared/plan/testing';
import { expect, it } from 'vitest';
import type { ContributionReply, ContributionRequest } from './contribution-protocol.ts';
import { createContributionsApart } from './contributions-apart.ts';
import type { EngineChoice } from './create-local-model.ts';

const plan = examplePlan({ clients: 1 });
const choice = (engine: string): EngineChoice => ({
  engine,
  device: 'cpu',
  reason: 'a test',
  rowsPerSecond: null,
  trials: [],
});

/** Contributions whose threads are played by hand. */
function played() {
  const shown: string[] = [];
  const told: string[] = [];
  const threads: { answered(reply: ContributionReply): void; died(reason: string): void }[] = [];
  const asked: ContributionRequest[] = [];
  const thread = createContributionsApart(
    (answered, died) => {
      threads.push({ answered, died });
      return { post: (request) => void asked.push(request), terminate: async () => undefined };
    },
    ({ engine }) => shown.push(engine),
  );
  const begin = (name: string) => thread.begin(plan, 'ab', ({ engine }) => told.push(`${name}: ${engine}`));
  return { begin, shown, told, threads, asked };
}

it('each run is told its own engine', () => {
  const { begin, told, threads } = played();
  begin('first');
  begin('second');
  threads[0]!.answered({ type: 'engine', run: 1, choice: choice('one') });
  threads[0]!.answered({ type: 'engine', run: 2, choice: choice('two') });
  expect(told).toEqual(['first: one', 'second: two']);
});

// Failure: how long a browser's new worker takes to read the rows again shows in when the engine is told.
it('no run is told an engine of a thread that stands in for one that died', () => {
  const { begin, told, shown, threads, asked } = played();
  begin('first');
  threads[0]!.died('memory');
  begin('second');
  expect(asked.filter(({ type }) => type === 'begin')).toHaveLength(3);
  threads[1]!.answered({ type: 'engine', run: 1, choice: choice('one') });
  threads[1]!.answered({ type: 'engine', run: 2, choice: choice('two') });
  expect(shown).toEqual(['one', 'two']);
  expect(told).toEqual([]);
});
