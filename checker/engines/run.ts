/** What an engine yields between two slices of its work, so that others may run. */
export type Slice = 'running';

/** The same of a whole decision. `refuted`, once: the verdict is known, and what follows is the evidence. */
export type Step = Slice | 'refuted';
