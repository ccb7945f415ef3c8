import { describe, expect, it } from 'vitest';
import { evaluationLines } from './evaluation-lines.ts';

const figure = (value: number) => ({ value, low: value - 0.02, high: value + 0.02, noiseHalfWidth: 0.01 });
const set = (accuracy: number) => ({ units: 100, accuracy: figure(accuracy), loss: figure(0.3), withheld: null });

describe('evaluation lines', () => {
  it('show three sets and both gaps, with intervals', () => {
    const lines = evaluationLines({ round: 5, part: 'validation', ...set(0.9), fit: set(0.97), unseen: set(0.8) });
    expect(lines).toEqual([
      'Evaluation   round 5: accuracy 90.0 % (88.0 % … 92.0 %)',
      '  training units: accuracy 97.0 % (95.0 % … 99.0 %)',
      '  unseen clients: accuracy 80.0 % (78.0 % … 82.0 %)',
      '  gap out of sample: +7.0 points (+4.2 … +9.8)',
      '  participation gap: +10.0 points (+7.2 … +12.8)',
    ]);
  });

  it('show nothing that was not asked for, and why something is withheld', () => {
    const silent = { units: 3, accuracy: null, loss: null, withheld: 'too few' };
    expect(evaluationLines({ round: 1, part: 'test', ...set(0.5) })).toHaveLength(1);
    const lines = evaluationLines({ round: 1, part: 'test', ...set(0.5), unseen: silent });
    expect(lines[1]).toBe('  unseen clients: too few');
    expect(lines).toHaveLength(2);
  });

  it('of a regression, a larger loss on other units is a gap above 0', () => {
    const loss = (value: number) => ({ units: 9, accuracy: null, loss: figure(value), withheld: null });
    const lines = evaluationLines({ round: 2, part: 'validation', ...loss(0.5), fit: loss(0.4) });
    expect(lines[0]).toContain('loss 0.500');
    expect(lines[2]).toContain('+10.0 points');
  });
});
