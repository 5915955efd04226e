/** The heads that an encoder may have; models/delta/heads.ts builds them. */

/** The heads that an encoder may have (heads.ts). */
export const headNames = ['paper', 'huggingface', 'mean'] as const;
export type HeadName = (typeof headNames)[number];
