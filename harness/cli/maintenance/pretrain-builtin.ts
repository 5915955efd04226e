/** `npm run pretrain:builtin [-- NAME…]`: makes the built-in bases again. */
import { Argument, Command } from 'commander';
import { builtinModels, type BuiltinModel } from '../../models/bases/built-in.ts';
import { pretrainBuiltin, writeBuiltinTexts } from '../../runs/pretrain/built-in-bases.ts';
import { positive } from '../arguments/parse-values.ts';
import { print, surviveLostOutput } from '../terminal/output.ts';
import { describe, showPretraining } from '../commands/pretrain.ts';

surviveLostOutput();

await new Command('pretrain:builtin')
  .description('Makes the built-in bases again; one whose folder is there with the same settings stays.')
  .addArgument(new Argument('[names...]', 'which of them (default: all)').choices(builtinModels))
  .option('--threads <number>', 'threads of the CPU (default: all)', positive)
  .action(async (names: BuiltinModel[], { threads }: { threads?: number }) => {
    const files = await writeBuiltinTexts();
    for (const name of names.length > 0 ? names : builtinModels) {
      const record = await showPretraining((reporting) => pretrainBuiltin(name, files, threads, reporting));
      if (!record) return;
      print(`${name}: ${describe(record)}`);
    }
  })
  .parseAsync();
