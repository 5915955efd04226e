"""Makes the parquet files of this folder, made-up rows in the layout of nyu-mll/glue (pyarrow 26)."""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent


def write(name, columns):
    table = {key: pa.array(values, type) for key, (values, type) in columns.items()}
    table["idx"] = pa.array(range(len(next(iter(table.values())))), pa.int32())
    pq.write_table(pa.table(table), here / f"{name}.parquet", compression="snappy")


pair = {
    "premise": (["A cat sleeps.", "Rain fell.", "Tea is hot."], pa.string()),
    "hypothesis": (["An animal rests.", "It was dry.", "Tea is drunk at four."], pa.string()),
}
write("mnli", {**pair, "label": ([0, 2, 1], pa.int64())})
write("mnli-label-3", {**pair, "label": ([0, 3, 1], pa.int64())})
same = {"sentence1": (["One cup.", "Two."], pa.string()), "sentence2": (["A cup.", "Six."], pa.string())}
write("stsb", {**same, "label": ([4.75, 0.0], pa.float32())})
write("stsb-score-9", {**same, "label": ([4.75, 9.0], pa.float32())})
write("stsb-text", {**same, "label": (["4.75", "0"], pa.string())})
