/** What a decision yields between two slices of its work, so that others may run. */
export type Slice = 'running';
