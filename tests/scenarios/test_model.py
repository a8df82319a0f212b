#!/usr/bin/env python3
"""vigil model: what a file is, and what a model answers to rows of numbers."""
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

GOLDEN = vigil.ROOT / "tests/unit/golden"
KINDS = ["lstm", "gru", "rnn", "mixed", "ridge", "dense", "pca", "autoencoder_range", "mlp", "logistic",
         "risk", "mean", "stacked"]


def file(name):
    return GOLDEN / f"{name}.safetensors"


def call(*arguments, expect=0, rows=""):
    done = subprocess.run([vigil.VIGIL, "model", *map(str, arguments)], input=rows, capture_output=True,
                          text=True, timeout=vigil.TIMEOUT_S)
    check(done.returncode == expect,
          f"vigil model {arguments}: exit {done.returncode}, expected {expect}\n{done.stderr}")
    return done


def describe(name):
    return json.loads(call("describe", "--json", file(name)).stdout)


def step(name, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    return call("step", file(name), rows=text).stdout.splitlines()


def every_kind_is_described():
    for name in KINDS:
        text, data = call("describe", file(name)).stdout, describe(name)
        check("its BLAKE2b holds" in text and data["sealed"], f"{name}: {text}")
        check(f"{data['kind']}: " in text and f"{data['parameters']}\n" in text, f"{name}: {text}")
        check(data["selftest"]["steps"] >= 20 and data["selftest"]["largest_difference"] <= 3e-6, data)
        check(data["inputs"] > 0 and data["outputs"] > 0 and len(data["sha256"]) == 64, data)
        described = sum(layer["parameters"] for layer in data["layers"])
        check(described <= data["parameters"] or name == "pca", f"{name}: {data}")


def a_description_says_what_is_in_the_file():
    data = describe("gru")
    check(data["channels"][1] == {"name": "spo2", "mean": 97, "scale": 2, "unit": "%"}, data)
    check(data["features"] == "z,mask,age,baseline" and data["tick"] == "30s", data)
    check(data["horizons"] == ["1m", "5m"] and data["quantiles"] == [0.05, 0.5, 0.95], data)
    check(data["layers"][0]["tensors"]["gru.weight_ih_l0"] == [33, 12], data)
    check(data["training_data_sha256"] == "5" * 64 and data["memory_bytes"] == 4 * 19, data)
    check(describe("risk")["variables"][5] == {"name": "v5.x", "mean": 0.5, "scale": 2}, "variables")
    check([m["kind"] for m in describe("stacked")["members"]] == ["mean", "logistic"], "members")
    check(describe("pca")["threshold"] == 1.25 and describe("pca")["window"] == 5, "window")


def what_is_no_model_is_refused_with_the_reason():
    check("No such file" in call("describe", "/nowhere", expect=78).stderr, "missing")
    with tempfile.NamedTemporaryFile() as spoiled:
        data = bytearray(file("lstm").read_bytes())
        data[-5] ^= 1
        spoiled.write(data)
        spoiled.flush()
        for verb in ("describe", "step"):
            said = call(verb, spoiled.name, expect=78)
            check("changed after it was written" in said.stderr and not said.stdout, said.stderr)
    check('did you mean "describe"' in call("describ", expect=2).stderr, "no suggestion")
    call("step", expect=2)


def rows_for(name, streams, steps, seed=1):
    inputs, rng = describe(name)["inputs"], random.Random(seed)
    return [{"stream": f"s{i}", "x": [round(rng.uniform(-2, 2), 3) for _ in range(inputs)]}
            for _ in range(steps) for i in range(streams)]


def answers_are_in_order_and_do_not_depend_on_company():
    for name in ("lstm", "rnn", "stacked", "autoencoder_range"):
        rows = rows_for(name, streams=70, steps=2)
        random.Random(2).shuffle(rows)
        together = step(name, rows)
        check([json.loads(line)["stream"] for line in together] == [row["stream"] for row in rows], name)
        for stream in ("s0", "s33", "s69"):
            alone = step(name, [row for row in rows if row["stream"] == stream])
            check(alone == [line for line in together if f'"{stream}"' in line], f"{name} {stream}")


def a_stream_remembers_and_a_new_one_does_not():
    rows = rows_for("gru", streams=1, steps=1)
    first, second, other = step("gru", rows + rows + [{"stream": "new", "x": rows[0]["x"]}])
    check(json.loads(first)["y"] != json.loads(second)["y"], "the second answer is the first")
    check(json.loads(first)["y"] == json.loads(other)["y"], "a new stream is not empty")


def single(text):
    return struct.unpack("f", struct.pack("f", float(text)))[0]


def digits_give_back_the_bits_and_are_no_more_than_that_needs():
    for line in step("lstm", rows_for("lstm", streams=3, steps=5)):
        for text in line[line.index("[") + 1 : line.index("]")].split(","):
            digits = len(text.lstrip("-0.").replace(".", ""))
            fewer = f"{float(text):.{max(1, digits - 1)}g}"
            check(digits <= 9 and (digits == 1 or single(fewer) != single(text)), text)


def whoever_writes_a_row_and_waits_gets_the_answer():
    with subprocess.Popen([vigil.VIGIL, "model", "step", file("gru")], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        for row in rows_for("gru", streams=1, steps=3):
            program.stdin.write(json.dumps(row).encode() + b"\n")
            program.stdin.flush()
            check(b'"y":[' in vigil.read_line(program.stdout), "no answer")
        program.stdin.close()
        check(program.wait(vigil.TIMEOUT_S) == 0, "exit")


def a_bad_row_is_named_after_those_before_it_are_answered():
    good = json.dumps(rows_for("ridge", streams=1, steps=1)[0])
    x = ",".join("1" * 9)
    bad = {
        "": "expected a JSON object",
        "[1]": "nothing else",
        "{": "expected a JSON object",
        '{"stream":"a"}': "nothing else",
        '{"x":[1]}': "nothing else",
        '{"stream":1,"x":[1]}': "nothing else",
        '{"stream":"a","x":[1],"y":1}': "nothing else",
        '{"stream":"a","stream":"b","x":[%s]}' % x: "duplicate",
        '{"stream":"a","x":[1,2]}': "an array of 9 numbers, there are 2",
        '{"stream":"a","x":7}': "an array of 9 numbers",
        '{"stream":"a","x":[1,2,3,4,5,6,7,8,"9"]}': "number 9 is not",
        '{"stream":"a","x":[1,2,null,4,5,6,7,8,9]}': "number 3 is not",
        '{"stream":"a","x":[1e39,2,3,4,5,6,7,8,9]}': "number 1 is not",
        '{"stream":"a","x":[1e400,2,3,4,5,6,7,8,9]}': "expected a JSON object",
        '{"stream":"a","x":[NaN,2,3,4,5,6,7,8,9]}': "expected a JSON object",
    }
    for row, reason in bad.items():
        done = call("step", file("ridge"), rows=f"{good}\n{good}\n{row}\n{good}\n", expect=1)
        check("line 3: " in done.stderr and reason in done.stderr, f"{row}: {done.stderr}")
        check(len(done.stdout.splitlines()) == 2, f"{row}: {done.stdout}")
    huge = json.dumps({"stream": "a", "x": [3e38] * 30})
    check("line 1: the answer is not finite" in call("step", file("dense"), rows=huge, expect=1).stderr, "huge")
    check(len(call("step", file("ridge"), rows=good).stdout.splitlines()) == 1, "no newline at the end")
    check(call("step", file("ridge")).stdout == "", "nothing for nothing")


if __name__ == "__main__":
    vigil.main(every_kind_is_described, a_description_says_what_is_in_the_file,
               what_is_no_model_is_refused_with_the_reason,
               answers_are_in_order_and_do_not_depend_on_company,
               a_stream_remembers_and_a_new_one_does_not, digits_give_back_the_bits_and_are_no_more_than_that_needs,
               whoever_writes_a_row_and_waits_gets_the_answer,
               a_bad_row_is_named_after_those_before_it_are_answered)
