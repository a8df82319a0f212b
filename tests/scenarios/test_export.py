#!/usr/bin/env python3
"""vigil_export: models of PyTorch, ONNX and Keras become files that Vigil answers alike, and back.

What needs a framework is skipped with a printed reason where it is absent. One that another Python
has is used there: VIGIL_ONNX_PYTHON and VIGIL_KERAS_PYTHON name interpreters; each then runs this
file again for its part.
"""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "client/python")]
import vigil
from vigil import check

GOLDEN = ROOT / "tests/unit/golden"
SIGNS = dict(channels=["hr", "spo2", "rr"], units=["/min", "%", "/min"], mean=[84, 97, 18],
             scale=[15, 2, 4.5], tick="30s", training_data_sha256="ab" * 32)
FORECAST = dict(inputs="z,mask,age,baseline", horizons=["1m", "5m"], quantiles=[0.05, 0.5, 0.95])
TOLERANCE = 3e-6
FRAMEWORKS = {"onnx": "VIGIL_ONNX_PYTHON", "keras": "VIGIL_KERAS_PYTHON"}

if importlib.util.find_spec("numpy") is None:
    vigil.skip("numpy is not installed")
import numpy as np
import vigil_export as ve


def needs(module):
    """A test for where `module` is; elsewhere in the Python that the environment names, or skipped."""
    def wrap(test):
        def run():
            if importlib.util.find_spec(module):
                return test()
            other = os.environ.get(FRAMEWORKS.get(module, ""))
            if not other:
                print(f"SKIP {test.__name__}: {module} is not installed")
                return None
            done = subprocess.run([other, "-B", __file__, test.__name__], capture_output=True, text=True,
                                  timeout=vigil.TIMEOUT_S)
            check(done.returncode == 0, done.stdout + done.stderr)
            return None
        run.__name__ = test.__name__
        return run
    return wrap


def inputs(width, steps=60, seed=1):
    return np.random.default_rng(seed).normal(size=(steps, width)).astype(np.float32)


def answers(path, x):
    """What `vigil model step` gives for one stream x [T, I]."""
    rows = "".join(json.dumps({"stream": "a", "x": [float(v) for v in row]}) + "\n" for row in x)
    done = subprocess.run([vigil.VIGIL, "model", "step", path], input=rows, capture_output=True, text=True,
                          timeout=vigil.TIMEOUT_S)
    check(done.returncode == 0, done.stderr)
    return np.array([json.loads(line)["y"] for line in done.stdout.splitlines()])


def expect_alike(model, x, expected, full=None):
    """Saves, and compares Vigil's answers with the formula around `expected`, the network's output."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.safetensors")
        difference = ve.save(path, model, x, expected)
        check(difference <= TOLERANCE, f"{model.network.text}: exported differs by {difference}")
        whole = model.run(x.astype(np.float64)) if full is None else full
        worst = np.abs(answers(path, x) - whole).max()
        check(worst <= TOLERANCE, f"{model.network.text}: Vigil differs by {worst}")
        return ve.load(path)


def refuses(reason, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except ve.ExportError as e:
        check(reason in str(e), f"expected {reason!r} in: {e}")
        return str(e)
    raise vigil.Failed(f"not refused: {reason}")


# ---- without a framework ----


def files_of_vigil_are_read_and_written_byte_for_byte():
    for path in sorted(GOLDEN.glob("*.safetensors")) + sorted((ROOT / "configs/models").glob("*.safetensors")):
        data = path.read_bytes()
        texts, tensors = ve.from_bytes(data)
        check(ve.to_bytes(texts, tensors) == data, f"{path.name} is written otherwise")


def files_that_were_changed_are_refused():
    data = (GOLDEN / "gru.safetensors").read_bytes()
    for place in (9, 40, 200, len(data) // 2, len(data) - 1):
        refuses("", ve.from_bytes, data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    refuses("cut short", ve.from_bytes, b"abc")
    refuses("does not fit", ve.from_bytes, data[:500])
    refuses("not finite", ve.to_bytes, {}, {"a": np.array([np.nan])})


def network(*layers, seed=3):
    """(kind, width, activation) layers with weights of numpy, and their inputs."""
    rng, n = np.random.default_rng(seed), ve.Network()
    width = layers[0]
    for kind, units, *activation in layers[1:]:
        if kind == "dense":
            n.dense(rng.normal(size=(units, width)) / 4, rng.normal(size=units) / 4, *activation)
        else:
            rows = ve.GATES[kind] * units
            n.recurrent(kind, rng.normal(size=(rows, width)) / 4, rng.normal(size=(rows, units)) / 4,
                        rng.normal(size=rows) / 4, rng.normal(size=rows) / 4)
        width = units
    return n


def every_shape_of_model_is_answered_alike():
    for kind in ("lstm", "gru", "rnn"):
        net = network(12, (kind, 9), (kind, 7), ("dense", 18))
        for skip in ("persistence", "none"):
            expect_alike(ve.forecaster(net, **SIGNS, **FORECAST, skip=skip), inputs(12), None)
    window = np.concatenate([inputs(12) * 3, (inputs(12, seed=2) > 0)], axis=1).astype(np.float32)
    for net, limits in ((network(24, ("dense", 5, "relu"), ("dense", 12)), None),
                        (network(12, ("dense", 5, "tanh"), ("dense", 12, "sigmoid")), (-6, 6))):
        expect_alike(ve.autoencoder(net, **SIGNS, window=4, threshold=1.5, range=limits), window, None)
    named = dict(variables=["age", "gcs.min"], mean=[60, 11], scale=[15, 4], training_data_sha256="cd" * 32)
    for layers, kind in (([("dense", 8, "relu"), ("dense", 1, "sigmoid")], "mlp"),
                         ([("dense", 1, "sigmoid")], "logistic")):
        model = ve.classifier(network(2, *layers), **named)
        check(model.kind == kind, model.kind)
        expect_alike(model, inputs(2), None)
    model = ve.classifier(network(6, ("gru", 5), ("dense", 1, "sigmoid")), **named, tick="1h")
    check(model.kind == "risk", model.kind)
    expect_alike(model, inputs(6), None)


def what_differs_is_not_written_and_the_difference_named():
    net = network(12, ("lstm", 9), ("dense", 18))
    model, x = ve.forecaster(net, **SIGNS, **FORECAST), inputs(12)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.safetensors")
        wrong = net.forward(x)
        wrong[7, 3] += 2e-5
        said = refuses("differs from the framework's output by up to 2e-05", ve.save, path, model, x, wrong)
        check("order of gates" in said and not os.path.exists(path), said)
        refuses("x: expected [T, 12]", ve.save, path, model, x[:, 1:])
    refuses("expected a recurrent layer, 4 x 3 inputs", ve.forecaster, network(12, ("dense", 18)), **SIGNS, **FORECAST)
    refuses("expected 12 outputs", ve.autoencoder, network(12, ("dense", 11)), **SIGNS, window=4, threshold=1)
    refuses("a sigmoid at the end", ve.classifier, network(1, ("dense", 1)), variables=["a"], mean=[0],
            scale=[1], training_data_sha256="0" * 64)


# ---- PyTorch ----


def torch_net(layer, width, units, layers, outputs):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = layer(width, units, layers, batch_first=True)
            self.head = torch.nn.Linear(units, outputs)

        def forward(self, x):
            return self.head(self.body(x)[0])

    torch.manual_seed(4)
    return Net().eval()


def torch_output(module, x):
    import torch

    with torch.no_grad():
        return module(torch.from_numpy(x)[None])[0].numpy()


@needs("torch")
def modules_and_state_dicts_of_torch_are_answered_alike():
    from torch import nn

    for layer in (nn.LSTM, nn.GRU, nn.RNN):
        module, x = torch_net(layer, 12, 16, 3, 18), inputs(12, 200)
        expected = torch_output(module, x)
        for source in (module, module.state_dict()):
            expect_alike(ve.forecaster(ve.from_torch(source), **SIGNS, **FORECAST), x, expected)


@needs("torch")
def activations_of_torch_are_seen_or_named():
    import torch
    from torch import nn

    torch.manual_seed(5)
    module = nn.Sequential(nn.Linear(24, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 5), nn.Tanh(),
                           nn.Linear(5, 12), nn.Sigmoid()).eval()
    x = inputs(24)
    shape = dict(**SIGNS, window=4, threshold=2.0)
    expected = torch_output(module, x)
    expect_alike(ve.autoencoder(ve.from_torch(module), **shape), x, expected)
    names = ["relu", "tanh", "sigmoid"]
    expect_alike(ve.autoencoder(ve.from_torch(module.state_dict(), names), **shape), x, expected)
    model = ve.autoencoder(ve.from_torch(module.state_dict()), **shape)
    refuses("an activation", ve.save, "/nowhere/x", model, x, expected)
    refuses("expected 3 activations", ve.from_torch, module, ["relu"])
    refuses("Conv1d: Vigil has no such layer", ve.from_torch, nn.Sequential(nn.Conv1d(1, 1, 1)))
    refuses("neither both directions", ve.from_torch, nn.LSTM(3, 4, bidirectional=True))
    refuses("expected tanh", ve.from_torch, nn.RNN(3, 4, nonlinearity="relu"))
    refuses("does not follow a dense layer", ve.from_torch, nn.Sequential(nn.ReLU()))


@needs("torch")
def classifiers_of_torch_are_answered_alike():
    import torch
    from torch import nn

    torch.manual_seed(6)
    named = dict(variables=["age", "gcs.min"], mean=[60, 11], scale=[15, 4], training_data_sha256="cd" * 32)
    for layers, kind in (([nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid()], "mlp"),
                         ([nn.Linear(2, 1), nn.Sigmoid()], "logistic")):
        module, x = nn.Sequential(*layers).eval(), inputs(2)
        model = ve.classifier(ve.from_torch(module), **named, clip=4)
        check(model.kind == kind, model.kind)
        texts, _ = expect_alike(model, x, torch_output(module, x))
        check(texts["clip"] == "4", texts)
    for layer in (nn.LSTM, nn.GRU, nn.RNN):
        module, x = torch_net(layer, 6, 5, 2, 1), inputs(6)
        model = ve.classifier(ve.from_torch(module.state_dict(), ["sigmoid"]), **named, tick="1h")
        check(model.kind == "risk", model.kind)
        expect_alike(model, x, 1 / (1 + np.exp(-torch_output(module, x).astype(np.float64))))


@needs("torch")
def a_file_goes_back_into_torch():
    from torch import nn

    for layer in (nn.LSTM, nn.GRU, nn.RNN):
        goes_back_into_torch(layer)


def goes_back_into_torch(layer):
    import torch
    from torch import nn

    name = layer.__name__.lower()
    module, x = torch_net(layer, 12, 16, 3, 18), inputs(12, 100)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.safetensors")
        ve.save(path, ve.forecaster(ve.from_torch(module), **SIGNS, **FORECAST), x, torch_output(module, x))
        state = ve.to_torch(path)

    class Back(nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module(name, layer(12, 16, 3, batch_first=True))
            self.dense = nn.ModuleList([nn.Linear(16, 18)])

        def forward(self, x):
            return self.dense[0](getattr(self, name)(x)[0])

    back = Back().eval()
    back.load_state_dict(state)
    check(np.array_equal(torch_output(back, x), torch_output(module, x)), "other bits came back")
    check(torch.equal(getattr(back, name).weight_hh_l2, module.body.weight_hh_l2), "weights")


# ---- ONNX ----


def onnx_model(kind, width, units, outputs, **attributes):
    """One recurrent node, its direction squeezed away, and a Gemm, as exporters write them."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng, gates = np.random.default_rng(6), {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    constants = {
        "w": rng.normal(size=(1, gates * units, width)) / 4, "r": rng.normal(size=(1, gates * units, units)) / 4,
        "b": rng.normal(size=(1, 2 * gates * units)) / 4, "hw": rng.normal(size=(units, outputs)) / 4,
        "hb": rng.normal(size=outputs) / 4,
    }  # fmt: skip
    tensors = [numpy_helper.from_array(v.astype(np.float32), n) for n, v in constants.items()]
    tensors.append(numpy_helper.from_array(np.array([1, 2], np.int64), "axes"))
    if kind == "GRU":
        attributes.setdefault("linear_before_reset", 1)
    nodes = [
        helper.make_node(kind, ["x", "w", "r", "b"], ["h", ""], hidden_size=units, **attributes),
        helper.make_node("Squeeze", ["h", "axes"], ["s"]),
        helper.make_node("MatMul", ["s", "hw"], ["m"]),
        helper.make_node("Add", ["m", "hb"], ["y"]),
    ]
    shapes = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
              for n, s in (("x", ["t", 1, width]), ("y", ["t", outputs]))]
    graph = helper.make_graph(nodes, "g", shapes[:1], shapes[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


@needs("onnx")
def models_of_onnx_are_answered_alike():
    for kind in ("LSTM", "GRU", "RNN"):
        model, x = onnx_model(kind, 12, 10, 18), inputs(12, 100)
        expected = None
        if importlib.util.find_spec("onnxruntime"):
            import onnxruntime

            session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            expected = session.run(None, {"x": x[:, None]})[0]
        else:
            print("SKIP the comparison with ONNX Runtime: it is not installed")
        expect_alike(ve.forecaster(ve.from_onnx(model), **SIGNS, **FORECAST), x, expected)


@needs("onnx")
def what_onnx_means_otherwise_is_refused():
    cases = {
        "direction": ("LSTM", dict(direction="reverse")),
        "clip": ("LSTM", dict(clip=3.0)),
        "activations": ("LSTM", dict(activations=["HardSigmoid", "Tanh", "Tanh"])),
        "input_forget": ("LSTM", dict(input_forget=1)),
        "layout": ("LSTM", dict(layout=1)),
        "linear_before_reset": ("GRU", dict(linear_before_reset=0)),
    }
    for reason, (kind, attributes) in cases.items():
        refuses(reason, ve.from_onnx, onnx_model(kind, 3, 4, 5, **attributes))


# ---- Keras ----


@needs("keras")
def models_of_keras_are_answered_alike():
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    for layer in (layers.LSTM, layers.GRU, layers.SimpleRNN):
        model = keras.Sequential([
            keras.Input((None, 12)),
            layer(14, return_sequences=True, bias_initializer="random_normal"),
            layer(10, return_sequences=True, bias_initializer="random_normal"),
            layers.Dropout(0.2),
            layers.Dense(18, bias_initializer="random_normal"),
        ])
        x = inputs(12, 80)
        expected = np.asarray(model(x[None]))[0]
        expect_alike(ve.forecaster(ve.from_keras(model), **SIGNS, **FORECAST), x, expected)
    model = keras.Sequential([keras.Input((24,)), layers.Dense(7, activation="relu"), layers.Dense(12),
                              layers.Activation("sigmoid")])
    x = inputs(24)
    expect_alike(ve.autoencoder(ve.from_keras(model), **SIGNS, window=4, threshold=1), x, np.asarray(model(x)))


@needs("keras")
def what_keras_means_otherwise_is_refused():
    import keras
    from keras import layers

    cases = {
        "reset_after=True": layers.GRU(4, reset_after=False),
        "recurrent_activation sigmoid": layers.LSTM(4, recurrent_activation="hard_sigmoid"),
        "backwards": layers.LSTM(4, go_backwards=True),
        "Conv1D: Vigil has no such layer": layers.Conv1D(2, 1),
        "activation": layers.Dense(4, activation="softmax"),
    }
    for reason, layer in cases.items():
        refuses(reason, ve.from_keras, keras.Sequential([keras.Input((None, 3)), layer]))


TESTS = [files_of_vigil_are_read_and_written_byte_for_byte, files_that_were_changed_are_refused,
         every_shape_of_model_is_answered_alike, what_differs_is_not_written_and_the_difference_named,
         modules_and_state_dicts_of_torch_are_answered_alike, activations_of_torch_are_seen_or_named,
         classifiers_of_torch_are_answered_alike, a_file_goes_back_into_torch, models_of_onnx_are_answered_alike,
         what_onnx_means_otherwise_is_refused, models_of_keras_are_answered_alike,
         what_keras_means_otherwise_is_refused]

if __name__ == "__main__":
    vigil.main(*[t for t in TESTS if len(sys.argv) < 2 or t.__name__ in sys.argv[1:]])
