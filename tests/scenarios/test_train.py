#!/usr/bin/env python3
"""vigil train: the same bytes however often, with however many workers, and however interrupted."""
import hashlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

RECIPES = vigil.ROOT / "configs/train"
TINY = "simulator:patients=10,duration=1h,seed=3"
# recipe: kind, what makes it small
SMALL = {
    "seed_lstm": ("forecast", ["network=lstm:6,lstm:6,dense:1", "sequence.every=20",
                               "fit.epochs=2"]),
    "demo_forecast": ("forecast", ["network=lstm:8,dense:120", "fit.epochs=2", "fit.window=30"]),
    "seed_autoencoder": ("autoencoder", ["network=dense:8:relu,dense:160:sigmoid", "window=20",
                                         "fit.epochs=2"]),
    "demo_autoencoder": ("autoencoder", ["network=dense:16:relu,dense:128", "fit.epochs=2"]),
    "seed_mlp": ("risk", ["network=dense:8:relu,dense:1:sigmoid", "fit.epochs=2"]),
    "demo_ridge": ("baseline", []),
    "demo_pca": ("baseline", ["components=4"]),
}


class Folder(tempfile.TemporaryDirectory):
    def __enter__(self):
        return pathlib.Path(super().__enter__())


def command(kind, recipe, out, data, *more, sets=()):
    return [vigil.VIGIL, "train", kind, "--config", recipe, "--out", out, "--data", data,
            *(a for s in sets for a in ("--set", s)), *more]


def train(*arguments, expect=0, sets=()):
    done = subprocess.run(command(*arguments, sets=sets), capture_output=True, text=True,
                          timeout=vigil.TIMEOUT_S)
    check(done.returncode == expect,
          f"vigil train: exit {done.returncode}, expected {expect}\n{done.stderr[-2000:]}")
    return done


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def every_recipe_trains_to_the_same_bytes_with_any_workers():
    with Folder() as folder:
        for name, (kind, sets) in SMALL.items():
            share = ",scenario_share=0.6" if name == "seed_mlp" else ""
            digests = set()
            for workers in ("1", "3"):
                out = folder / f"{name}-{workers}.safetensors"
                said = train(kind, RECIPES / f"{name}.yaml", out, TINY + share, "--json",
                             "--workers", workers, sets=sets)
                result = json.loads(said.stdout)
                check(result["sha256"] == digest(out), f"{name}: another file than it says")
                check(result["parameters"] > 0 and result["sequences"] > 0, f"{name}: {result}")
                for line in said.stderr.splitlines():
                    if line.startswith("{"):
                        check(json.loads(line)["epochs"] == 2, f"{name}: {line}")
                check(not out.with_suffix(".safetensors.checkpoint").exists(),
                      f"{name}: the checkpoint stays behind")
                digests.add(result["sha256"])
            check(len(digests) == 1, f"{name}: workers change bytes")
            told = subprocess.run([vigil.VIGIL, "model", "describe", out], capture_output=True,
                                  text=True, timeout=60)
            check(told.returncode == 0 and "passed" in told.stdout, f"{name}: {told.stderr}")


def another_seed_gives_another_model_the_same_gives_the_same():
    kind, sets = SMALL["demo_forecast"]
    with Folder() as folder:
        digests = []
        for i, seed in enumerate(("1", "1", "2")):
            out = folder / f"{i}.safetensors"
            train(kind, RECIPES / "demo_forecast.yaml", out, TINY, "--seed", seed, sets=sets)
            digests.append(digest(out))
        check(digests[0] == digests[1] and digests[0] != digests[2], f"{digests}")


def interrupt(folder, name, recipe, kind, sets, after):
    """Trains until `after` epochs are told, then interrupts."""
    out = folder / name
    process = subprocess.Popen(command(kind, recipe, out, TINY, sets=sets),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    vigil.read_line(process.stderr, until=b'{"epoch":%d,' % after)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1].decode()
    return out, process.returncode, said


def what_is_interrupted_goes_on_to_the_same_bytes():
    recipe = RECIPES / "demo_forecast.yaml"
    sets = ["network=lstm:32,lstm:32,dense:120", "fit.epochs=6", "fit.window=30"]
    with Folder() as folder:
        whole = folder / "whole.safetensors"
        train("forecast", recipe, whole, TINY, sets=sets)
        for after in (1, 3):
            out, code, said = interrupt(folder, f"part-{after}.safetensors", recipe, "forecast",
                                        sets, after)
            check(code == 75 and "interrupted" in said and "best weights so far" in said,
                  f"exit {code}: {said}")
            check(out.exists() and digest(out) != digest(whole), "it has not stopped early")
            train("forecast", recipe, out, TINY, "--resume", sets=sets)
            check(digest(out) == digest(whole), f"resumed after epoch {after}: other bytes")


def a_checkpoint_of_another_training_is_refused():
    recipe = RECIPES / "demo_forecast.yaml"
    sets = ["network=lstm:32,dense:120", "fit.epochs=9"]
    with Folder() as folder:
        out, _, _ = interrupt(folder, "a.safetensors", recipe, "forecast", sets, 1)
        said = train("forecast", recipe, out, TINY, "--resume", expect=78,
                     sets=["network=lstm:31,dense:120", "fit.epochs=9"])
        check("differs in recipe;" in said.stderr, said.stderr)
        said = train("forecast", recipe, out, "simulator:patients=10,duration=1h,seed=4", "--resume",
                     expect=78, sets=sets)
        check("differs in data;" in said.stderr, said.stderr)
        said = train("forecast", recipe, out, TINY, "--resume", "--seed", "2", expect=78, sets=sets)
        check("differs in seed;" in said.stderr, said.stderr)
        said = train("forecast", recipe, folder / "b.safetensors", TINY, "--resume", expect=2,
                     sets=sets)
        check("there is no" in said.stderr and "leave --resume out" in said.stderr, said.stderr)


def recordings_and_topics_are_trained_on_alike():
    """A recording, and the same recording in Kafka, are the same data."""
    rows = ["who,t,hr,spo2"]
    for s in range(0, 2400, 2):
        rows += [f"p-{p},{s},{70 + p + (s * (p + 3)) % 17},{95 + (s // 60 + p) % 4}"
                 for p in range(8)]
    map_text = "version: 1\npatient: who\nrecord_time: t\nchannels: {hr: hr, spo2: spo2}\n"
    sets = ["channels=hr,spo2", "network=lstm:4,dense:6", "horizons=1m", "quantiles=0.05,0.5,0.95",
            "fit.epochs=1", "fit.window=0"]
    recipe = RECIPES / "demo_forecast.yaml"
    with Folder() as folder, vigil.MockBroker("vitals.raw:3") as broker:
        (folder / "a.csv").write_text("\n".join(rows) + "\n")
        (folder / "a.yaml").write_text(map_text)
        done = subprocess.run(
            [vigil.VIGIL, "replay", "--csv", folder / "a.csv", "--map", folder / "a.yaml",
             "--brokers", broker.bootstrap, "--topic", "vitals.raw", "--speed", "max", "--start",
             "2026-03-01T00:00:00Z", "--progress", "none"], capture_output=True, text=True,
            timeout=vigil.TIMEOUT_S)
        check(done.returncode == 0, done.stderr)
        train("forecast", recipe, folder / "csv.safetensors",
              f"csv:files={folder / 'a.csv'},map={folder / 'a.yaml'}", sets=sets)
        train("forecast", recipe, folder / "kafka.safetensors",
              f"kafka:brokers={broker.bootstrap},topic=vitals.raw", sets=sets)
        check(digest(folder / "csv.safetensors") == digest(folder / "kafka.safetensors"),
              "a topic gives another model than the recording that was written to it")


WRONG_RECIPES = {
    "tick: 30s\nnetwork: \"lstm:4,dense:120\"\n": "version: 1",
    "version: 1\nnetwrok: \"lstm:4,dense:120\"\n": 'did you mean "network"?',
    "version: 1\nnetwork: \"lstm:4,dense:120\"\nfit: {epoch: 3}\n": 'did you mean "epochs"?',
    "version: 1\nnetwork: \"lstm:4,dense:120\"\nfit: {epochs: 0}\n": "epochs",
    "version: 1\nnetwork: \"lstm:4,dense:119\"\n": "119 outputs, expected 120",
    "version: 1\nnetwork: \"dense:120\"\n": "recurrent layers",
    "version: 1\nnetwork: \"lstm:4,dense:120:relux\"\n": "network:",
    "version: 1\nnetwork: \"lstm:4,dense:120\"\nfeatures: \"z,masks\"\n": '"masks" is none',
    "version: 1\nnetwork: \"lstm:4,dense:120\"\nhorizons: [1m, 40s]\n": "whole ticks",
    "version: 1\nnetwork: \"lstm:4,dense:120\"\nquantiles: [0.05, 0.95]\n": "0.5 must be",
    "version: 1\nnetwork: \"lstm:4,dense:120\"\nloss: mse\n": "mse forecasts one number",
    "version: 1\nnetwork: \"lstm:4,dense:120\"\nchannels: [hr, hr]\n": "hr twice",
    "version: 1\nnetwork: \"lstm:4,dense:120\"\nchannels: [pulses]\n": '"pulses" is none',
    "version: 1\nnetwork: \"lstm:4,dense:120\"\nsequence: {ticks: 9999}\n": "sequence.ticks",
    "version: 1\nnetwork: \"lstm:4,dense:120\"\nstages: [cleen]\n": "no such stage",
}


def what_is_wrong_is_said_before_anything_is_written():
    with Folder() as folder:
        recipe, out = folder / "r.yaml", folder / "m.safetensors"
        for text, says in WRONG_RECIPES.items():
            recipe.write_text(text)
            done = subprocess.run(command("forecast", recipe, out, TINY), capture_output=True,
                                  text=True, timeout=60)
            check(done.returncode in (1, 78), f"{text}: exit {done.returncode}")
            check(says in done.stderr, f"{text}: {done.stderr}")
            check("r.yaml" in done.stderr or says == "sequence.ticks", f"{text}: {done.stderr}")
            check(not out.exists(), f"{text}: a model was written")
        recipe.write_text("version: 1\nnetwork: \"lstm:4,dense:120\"\n")
        for data, says in (("simulators", "expected simulator"), ("csv:files=x.csv", "a map"),
                           ("kafka:topic=x", "brokers"),
                           ("simulator:scenario_group=flu", "expected one of")):
            check(says in train("forecast", recipe, out, data, expect=2).stderr, data)
        said = train("forecast", recipe, folder / "no" / "m.safetensors", TINY, expect=74).stderr
        check("cannot be written" in said, said)
        said = train("forecast", recipe, out, TINY, expect=2, sets=["fit.epoch=3"]).stderr
        check('no key "fit.epoch"' in said, said)
        recipe.write_text("version: 1\nnetwork: \"lstm:4,dense:7\"\n")
        said = train("forecast", recipe, out, TINY, expect=78).stderr
        check("r.yaml:2:1: network: its last layer" in said, said)


if __name__ == "__main__":
    vigil.main(every_recipe_trains_to_the_same_bytes_with_any_workers,
               another_seed_gives_another_model_the_same_gives_the_same,
               what_is_interrupted_goes_on_to_the_same_bytes,
               a_checkpoint_of_another_training_is_refused,
               recordings_and_topics_are_trained_on_alike,
               what_is_wrong_is_said_before_anything_is_written)
