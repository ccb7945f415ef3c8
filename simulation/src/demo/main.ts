import { isSottoError } from '@sotto/shared/errors';
import { demoHelp, readDemoOptions } from './demo-options.ts';
import { runDemo } from './run-demo.ts';

/** The demonstration as a command; returns its exit code. */
export async function demoMain(parameters: readonly string[]): Promise<number> {
  try {
    const options = readDemoOptions(parameters);
    if (options.help) {
      console.log(demoHelp);
      return 0;
    }
    const figures = await runDemo(options, async (page) => {
      if (options.once || options.json || process.stdout.isTTY !== true) return;
      console.log(`\nStays until Ctrl-C${page === null ? '' : `, so that ${page} can be looked at`}.`);
      await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()));
    });
    if (options.json) console.log(JSON.stringify(figures));
    return figures.replayMatches ? 0 : 1;
  } catch (error) {
    if (!isSottoError(error)) throw error;
    console.error(`${error.code}: ${error.message}\n${error.cure}`);
    return error.code === 'INVALID_INPUT' || error.code === 'FILE_NOT_FOUND' || error.code === 'DATA_INVALID' ? 2 : 1;
  }
}
