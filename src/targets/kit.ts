/**
 * What a target file imports: `import { HttpClient, type TargetDefinition } from 'gong/target'`.
 * When gong loads a target file this name is known wherever the file lies.
 */
export type { Invocation } from '../contracts/client.ts';
export type {
  Answer,
  ClientDefinition,
  ConnectOptions,
  ConsistencyPromise,
  LaunchDefinition,
  LaunchRequest,
  NodeStatus,
  PromiseContext,
  TargetDefinition,
} from '../contracts/target.ts';
export type { HttpRequest } from './http/exchange.ts';
export { type HttpAnswer, HttpClient, NeverSentError } from './http/http-client.ts';
