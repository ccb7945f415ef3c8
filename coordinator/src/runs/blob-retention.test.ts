import { describe, expect, it } from 'vitest';
import { createBlobRetention } from './blob-retention.ts';

const release = (n: number) => ({ sum: `sum ${n}`, model: `model ${n}`, state: `state ${n}` });

describe('createBlobRetention', () => {
  it('keeps every sum, the first and the last three models, and the last state', () => {
    const retention = createBlobRetention('model 0');
    const dropped = [1, 2, 3, 4, 5].map((n) => retention.released(release(n)));
    expect(dropped).toEqual([[], ['state 1'], ['state 2'], ['model 1', 'state 3'], ['model 2', 'state 4']]);
    const all = [0, 1, 2, 3, 4, 5].flatMap((n) => [`sum ${n}`, `model ${n}`, `state ${n}`]);
    expect(all.filter((hash) => retention.keeps(hash)).toSorted()).toEqual(
      ['model 0', 'model 3', 'model 4', 'model 5', 'state 5', 'sum 1', 'sum 2', 'sum 3', 'sum 4', 'sum 5'].toSorted(),
    );
  });

  it('keeps the best model until another is better', () => {
    const retention = createBlobRetention('model 0');
    retention.released(release(1));
    expect(retention.best('model 1')).toEqual([]);
    for (let n = 2; n <= 6; n++) retention.released(release(n));
    expect(retention.keeps('model 1')).toBe(true);
    expect(retention.best('model 1')).toEqual([]);
    expect(retention.best('model 6')).toEqual(['model 1']);
    expect(retention.keeps('model 1')).toBe(false);
  });

  it('drops nothing that has the bytes of something it needs', () => {
    const retention = createBlobRetention('same');
    for (let n = 1; n <= 6; n++) expect(retention.released({ sum: 'same', model: 'same', state: 'same' })).toEqual([]);
    expect(retention.keeps('same')).toBe(true);
  });
});
