import { describe, expect, it } from 'vitest';
import { descriptionOfMetadata, modelMetadata } from './model-description.ts';
import { examplePlan } from './testing/index.ts';

describe('the description in a model file', () => {
  const { schema, topology, loss } = examplePlan();
  const metadata = modelMetadata({ schema, topology, loss });

  it('comes back as it was, whatever else stands beside it; without any of it there is none', () => {
    expect(descriptionOfMetadata({ runId: 'r', ...metadata })).toEqual({ schema, topology, loss });
    expect(descriptionOfMetadata({ runId: 'r' })).toBeNull();
  });

  it.each([
    [{ topology: undefined }, 'metadata.topology: expected JSON, got none'],
    [{ schema: '{' }, 'metadata.schema: expected JSON, got none that parses'],
    [{ topology: '{"layers":[]}' }, 'metadata.topology'],
    [{ loss: 'hinge' }, 'metadata.loss'],
  ])('is refused with %j', (broken, message) => {
    const given = Object.fromEntries(
      Object.entries({ ...metadata, ...broken }).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
    );
    expect(() => descriptionOfMetadata(given)).toThrow(message);
  });
});
