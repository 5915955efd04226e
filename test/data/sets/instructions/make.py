"""Makes the parquet files of this folder: made-up rows in the layouts of UltraFeedback's binarized set and of Alpaca (pyarrow)."""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent
rows = [("Name a bird.", "An owl.", "A dog."), ("Say „ö“.", "ö\n", "o")]


def turns(question, answer):
    return [{"content": question, "role": "user"}, {"content": answer, "role": "assistant"}]


binarized = {
    "prompt": [question for question, _, _ in rows],
    "prompt_id": ["a", "b"],
    "chosen": pa.array([turns(question, good) for question, good, _ in rows]),
    "rejected": pa.array([turns(question, bad) for question, _, bad in rows]),
    "messages": pa.array([turns(question, good) for question, good, _ in rows]),
    "score_chosen": [8.5, 7.0],
    "score_rejected": [3.0, 2.5],
}
alpaca = {
    "instruction": ["Name a bird.", "Sum up."],
    "input": ["", "A text."],
    "output": ["An owl.", "Text."],
    "text": ["unused", "unused"],
}
for name, columns in {"binarized": binarized, "alpaca": alpaca}.items():
    pq.write_table(pa.table(columns), here / f"{name}.parquet", compression="snappy")
