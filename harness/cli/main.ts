#!/usr/bin/env node
/** The program behind `bench` and `deltabench`. It sets Node up before anything else is imported. */
import module from 'node:module';

// Node caches compiled code between starts; it has this function from 22.8 on.
(module as { enableCompileCache?: () => void }).enableCompileCache?.();

// tsx enables source maps. Node then parses tfjs's map of 6 MB at each start (45 MB of memory, 0.1 s), though
// only stack traces need it.
process.setSourceMapsEnabled(Boolean(process.env.DELTABENCH_DEBUG));

const { runCommandLine } = await import('./program.ts');
await runCommandLine(process.argv.slice(2));
