/**
 * The first module: whatever nobody caught ends with 70, since Node's own answer to an uncaught error
 * is 1, and 1 means "violation". Everything else is loaded after that is so.
 */
import { EXIT } from './exit-codes.ts';
import { failureMessage, stackOf } from './failure-message.ts';
import { flushed, tolerateLostOutput } from './flush.ts';

function die(error: unknown): void {
  process.stderr.write(failureMessage(error));
  if (process.argv.includes('--verbose')) process.stderr.write(stackOf(error));
  process.exit(EXIT.bug);
}
tolerateLostOutput();
process.on('uncaughtException', die);
process.on('unhandledRejection', die);

// Started by the door as a child: when the door is killed, this ends; the cluster's guardian does the rest.
process.on('disconnect', () => process.exit(EXIT.terminated));
process.channel?.unref();

const { runProgram } = await import('./program.ts');
const code = await runProgram(process.argv.slice(2));
await flushed();
process.exit(code);
