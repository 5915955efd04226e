/** The heads that an encoder may have; delta/heads.ts builds them. */
export const headNames = ['paper', 'huggingface', 'mean'] as const;
export type HeadName = (typeof headNames)[number];
