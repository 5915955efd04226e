import { createEngine } from '../../harness/engine/create.ts';
import { fused, plain, runExample, type Results } from './programs.ts';

// Runs every example with onnxruntime on the device that is named and prints the results as JSON: a process of its own,
// since a driver that fails may take its process with it.
const engine = await createEngine({ name: 'onnx', device: process.argv[2]!, threads: 1 });
const results: Record<string, Results> = {};
for (const example of [...plain, ...fused]) results[example.name] = await runExample(engine, example);
process.stdout.write(JSON.stringify(results));
