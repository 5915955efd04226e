/** The size of the data that deltabench makes for tasks on built-in bases; GLUE's tasks and e2e share it. */
import type { DataSize } from '../../harness/task.ts';

/** Examples of the splits; tokens as the built-in tokenizers count them. */
export const builtinSizes: DataSize = { train: 1_000, validation: 150, test: 150, tokens: 40 };
