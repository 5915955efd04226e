/**
 * tfjs itself, for library.ts and operations.ts beside this file alone. It is required, not imported: for an
 * import Node first searches the library's CommonJS text of several MB for the names that it exports, 0.25 s
 * at every start.
 */
import { createRequire } from 'node:module';
import type * as Library from '@tensorflow/tfjs';

export const library = createRequire(import.meta.url)('@tensorflow/tfjs') as typeof Library;
