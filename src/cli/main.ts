/**
 * The first module: whatever nobody caught ends with 70, since Node's own answer to an uncaught error
 * is 1, and 1 means "violation". Everything else is loaded after that is so.
 */
import { EXIT } from './exit-codes.ts';
import { failureMessage, stackOf } from './failure-message.ts';
import { flushed, tolerateLostOutput } from './flush.ts';
import { endedTheProcess, isFromUserCode } from '../targets/file/user-code.ts';

function die(error: unknown): void {
  // The code of a target file: the run hears of it, and comes to an orderly end.
  if (isFromUserCode(error)) return;
  process.stderr.write(failureMessage(error));
  if (process.argv.includes('--verbose')) process.stderr.write(stackOf(error));
  process.exit(EXIT.bug);
}
tolerateLostOutput();
process.on('uncaughtException', die);
process.on('unhandledRejection', die);
// Such code may as well end the process, even with 1.
process.on('exit', () => {
  const error = endedTheProcess();
  if (error === undefined) return;
  process.stderr.write(failureMessage(error));
  process.exitCode = EXIT.usage;
});

// Started by the door as a child: when the door is killed, this ends; the cluster's guardian does the rest.
process.on('disconnect', () => process.exit(EXIT.terminated));
process.channel?.unref();

const { runProgram } = await import('./program.ts');
const code = await runProgram(process.argv.slice(2));
await flushed();
process.exit(code);
