#!/usr/bin/env node
/** The file that `bench` and `deltabench` start. It sets Node up before anything else is imported. */
import module from 'node:module';

// Stored machine code of earlier starts; Node has it from 22.8 on.
(module as { enableCompileCache?: () => void }).enableCompileCache?.();

// tsx enables source maps. Node then parses tfjs's, 6 MB, at each start (45 MB, 0.1 s); only stack traces
// need them.
process.setSourceMapsEnabled(Boolean(process.env.DELTABENCH_DEBUG));

const { runCommandLine } = await import('./program.ts');
await runCommandLine(process.argv.slice(2));
