// gong with an error planted in one stage of the run: node planted-error.ts STAGE run --duration …
import { EXIT } from '../cli/exit-codes.ts';
import { flushed } from '../cli/flush.ts';
import { runProgram } from '../cli/program.ts';

const [stage = '', ...argv] = process.argv.slice(2);
process.on('uncaughtException', () => process.exit(EXIT.bug));
const code = await runProgram(argv, {
  onStage(entered) {
    if (entered === stage) throw new Error(`planted in ${stage}`);
  },
});
await flushed();
process.exit(code);
