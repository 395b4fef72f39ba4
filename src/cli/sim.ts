import {
  hunt,
  type HuntFailure,
  type HuntResult,
  planted,
  runCorpus,
  runScenario,
  runSeed,
  type Scenario,
  type ScenarioResult,
} from '../hunt/index.ts';
import { DEFECTS } from '../raft/defects/index.ts';
import { Trace } from '../sim/trace.ts';
import { nodeId } from '../raft/core/types.ts';
import { LineWriter } from '../rundir/line-writer.ts';
import type { Violation } from '../sim/violation.ts';
import { EXIT, type ExitCode, worstExit } from './exit-codes.ts';
import { type OneSource, readSimFlags, type SeedRange, seedsOf, type SimFlags, type SimPlan } from './sim-flags.ts';
import { makeSimView, type SimView } from './sim-view.ts';
import { onSignals } from './signals.ts';

export type { SimFlags } from './sim-flags.ts';
