export type { EventType, HistoryEvent, Json, Operation } from './history.ts';
