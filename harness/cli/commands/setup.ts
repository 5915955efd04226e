/** `bench setup`: brings the native libraries of devices that npm's packages come without. */
import { Command } from 'commander';
import { print } from '../terminal/output.ts';

const WHEEL = 'the unpacked wheel, or the site-packages folder where pip installed it';

/** The command `setup`. */
export function setupCommand(): Command {
  return new Command('setup')
    .summary('bring the libraries that an engine needs for a GPU')
    .addCommand(
      new Command('cuda')
        .description(
          "Puts onnxruntime's CUDA provider (CUDA 13, cuDNN 9) beside onnxruntime-node's library. python3's pip " +
            "downloads its wheel (250 MB). NVIDIA's driver and libraries are not in it: doctor says which are " +
            "missing. Then compiles, with g++, the binding that keeps training state in the GPU's memory.",
        )
        .option('--wheel <folder>', WHEEL)
        .option('--cuda <version>', "12: the provider for CUDA 12, by onnxruntime-node's own installer")
        .action(async (options: { wheel?: string; cuda?: string }) => {
          const { installCuda } = await import('../../engine/setup/install-cuda.ts');
          await installCuda(options, print);
        }),
    )
    .addCommand(
      new Command('tensorflow')
        .description(
          "Builds the addon of the engine tensorflow (g++, ten seconds) against TensorFlow's wheel, which " +
            "python3's pip downloads into the cache (200 MB, 900 MB unpacked). With a wheel for GPUs the engine uses " +
            'them.',
        )
        .option('--wheel <folder>', WHEEL)
        .action(async (options: { wheel?: string }) => {
          const { installTensorflow } = await import('../../engine/setup/install-tensorflow.ts');
          await installTensorflow(options, print);
        }),
    );
}
