/**
 * The result files of Hugging Face peft's method_comparison (huggingface/peft at 5d602fd,
 * MetaMathQA/utils.py log_results), as far as its app reads them (processing.py). Written and read here.
 */
import { z } from 'zod';

const number = z.number();
const text = z.string().nullish();

/** The entry that its last metrics have; earlier ones have validation's. */
const finalMetrics = z.looseObject({
  'test accuracy': number.optional(),
  'train loss': number.nullish(),
  'train samples': number.optional(),
  'train total tokens': number.optional(),
  forgetting: number.optional(),
});

export const resultSchema = z.looseObject({
  run_info: z.looseObject({
    created_at: z.string(),
    total_time: number,
    experiment_name: z.string(),
    peft_branch: text,
    train_config: z.looseObject({ model_id: z.string() }),
    peft_config: z.looseObject({ peft_type: z.string() }).nullish(),
  }),
  train_info: z.looseObject({
    accelerator_memory_reserved_avg: number,
    accelerator_memory_max: number,
    accelerator_memory_reserved_99th: number,
    train_time: number,
    file_size: number,
    num_trainable_params: number,
    num_total_params: number.optional(),
    status: z.string(),
    metrics: z.array(finalMetrics),
  }),
  meta_info: z.looseObject({ package_info: z.looseObject({}), system_info: z.looseObject({}) }),
});

/** A result file's content. */
export type ResultFile = z.infer<typeof resultSchema>;
