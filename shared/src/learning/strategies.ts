import { fedAvg } from './fed-avg.ts';
import { fedSgdAdam } from './fed-sgd-adam.ts';
import { fedSgd } from './fed-sgd.ts';
import type { StrategyConfig } from './strategy-schema.ts';
import type { Strategy } from './strategy.ts';

/** The strategy that a plan names, with its settings; a new one is one line here. */
export function strategyFor(config: StrategyConfig): Strategy {
  switch (config.kind) {
    case 'fedAvg':
      return fedAvg(config);
    case 'fedSgd':
      return fedSgd(config);
    case 'fedSgdAdam':
      return fedSgdAdam(config);
  }
}
