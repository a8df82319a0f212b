"""vigil_export - from PyTorch, Keras or ONNX to a Vigil model file, and back.

    import vigil_export as ve

    network = ve.from_torch(my_module)             # or from_keras(model), from_onnx("model.onnx")
    model = ve.forecaster(network, channels=["hr", "spo2"], units=["/min", "%"], mean=[84, 97],
                          scale=[15, 2], tick="30s", inputs="z,mask,age,baseline",
                          horizons=["1m", "10m"], quantiles=[0.05, 0.5, 0.95],
                          training_data_sha256=digest)
    ve.save("forecast.safetensors", model, x, expected=y)    # y: what my_module gave for x

A Vigil file is safetensors with a contract in its metadata (models/metadata.h of Vigil lists it), a
self-test and a BLAKE2b of everything else. save() computes the self-test with the formulas of
models/network.h in double precision; `expected`, what your framework gave for the same x, must agree
within 1e-5, or the file is not written and the largest difference is named. Vigil repeats the test
whenever it loads the file, and `vigil model step FILE < rows.ndjson` runs it on rows of yours.

Needs the standard library and numpy. torch, keras and onnx are imported by the functions that take
their models. Copy this file to where you train; it depends on nothing else of Vigil.

Shapes: T steps, I inputs, O outputs, H hidden units, C channels, K horizons, Q quantiles.
"""
import collections
import hashlib
import json
import struct

import numpy as np

TOLERANCE = 1e-5
HEADER_MAX = 1 << 20
ALIGNMENT = 8
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
ACTIVATIONS = {
    "linear": lambda v: v,
    "relu": lambda v: np.maximum(v, 0.0),
    "sigmoid": lambda v: 0.5 * (1.0 + np.tanh(0.5 * v)),
    "tanh": np.tanh,
}


class ExportError(ValueError):
    """The model cannot become a Vigil file, or the file is not what it says; the text says why."""


# ---- files ----


def seal(data):
    """The BLAKE2b-256 of a file whose own 64 digits are written as zeros."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def to_bytes(texts, tensors):
    """The bytes of a file: texts and tensors in the order given, sealed. The same as Vigil's own
    writer would give."""
    texts = {"vigil.blake2b": "0" * 64, **{k: v for k, v in texts.items() if k != "vigil.blake2b"}}
    header, data = {"__metadata__": texts}, []
    at = 0
    for name, value in tensors.items():
        value = np.ascontiguousarray(value, dtype="<f4")
        if not np.isfinite(value).all():
            raise ExportError(f"tensor {name}: a value is not finite")
        end = at + value.nbytes
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, end]}
        data.append(value.tobytes())
        at = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    blank = struct.pack("<Q", len(text)) + text + b"".join(data)
    place = blank.index(b"0" * 64)
    return blank[:place] + seal(blank).encode() + blank[place + 64 :]


def from_bytes(data):
    """The texts and tensors of a file, which must be whole: its seal must hold if it has one."""
    if len(data) < 8:
        raise ExportError("cut short: less than 8 bytes")
    (length,) = struct.unpack("<Q", data[:8])
    if length > HEADER_MAX or length > len(data) - 8:
        raise ExportError(f"a header of {length} bytes does not fit a file of {len(data)}")
    try:
        header = json.loads(data[8 : 8 + length])
        texts = header.pop("__metadata__", {})
        check_seal(data, length, texts.get("vigil.blake2b"))
        return texts, cut_tensors(header, data[8 + length :])
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        raise e if isinstance(e, ExportError) else ExportError(f"the header cannot be read: {e!r}") from e


def cut_tensors(header, body):
    tensors, at = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        if entry["dtype"] != "F32" or begin != at or end - begin != 4 * int(np.prod(entry["shape"])):
            raise ExportError(f"tensor {name}: expected F32 data without gap, of the size of its shape")
        tensors[name] = np.frombuffer(body[begin:end], "<f4").reshape(entry["shape"])
        at = end
    if at != len(body):
        raise ExportError(f"{at} bytes of data are described, there are {len(body)}")
    return {name: tensors[name] for name in header}


def check_seal(data, length, digits):
    if digits is None:
        return
    place = data.find(digits.encode(), 8, 8 + length)
    if len(digits) != 64 or place < 0:
        raise ExportError("vigil.blake2b is not 64 digits in the header")
    if seal(data[:place] + b"0" * 64 + data[place + 64 :]) != digits:
        raise ExportError("the file was changed after it was written: its BLAKE2b does not hold")


# ---- networks ----


class Network:
    """Layers in order, each (kind, activation, {part: array}) in PyTorch's layout and gate order."""

    def __init__(self):
        self.layers = []

    def recurrent(self, kind, weight_ih, weight_hh, bias_ih, bias_hh):
        parts = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
        self.layers.append([kind, "linear", {k: np.asarray(v, np.float32) for k, v in parts.items()}])

    def dense(self, weight, bias=None, activation="linear"):
        weight = np.asarray(weight, np.float32)
        bias = np.zeros(len(weight), np.float32) if bias is None else np.asarray(bias, np.float32)
        self.layers.append(["dense", activation, {"weight": weight, "bias": bias}])

    def activate(self, name):
        """An activation that follows the last layer as a step of its own."""
        if not self.layers or self.layers[-1][0] != "dense" or self.layers[-1][1] != "linear":
            raise ExportError(f"{name} does not follow a dense layer, which Vigil's networks need")
        self.layers[-1][1] = name

    @property
    def inputs(self):
        kind, _, parts = self.layers[0]
        return parts["weight" if kind == "dense" else "weight_ih"].shape[1]

    @property
    def outputs(self):
        kind, _, parts = self.layers[-1]
        return len(parts["bias"]) if kind == "dense" else parts["weight_hh"].shape[1]

    @property
    def text(self):
        words = []
        for kind, activation, parts in self.layers:
            width = len(parts["bias"]) if kind == "dense" else parts["weight_hh"].shape[1]
            words.append(f"{kind}:{width}" + ("" if activation == "linear" else f":{activation}"))
        return ",".join(words)

    @property
    def tensors(self):
        """Named and ordered as in a Vigil file."""
        count, out = collections.Counter(), {}
        for kind, _, parts in self.layers:
            n = count[kind]
            count[kind] += 1
            for part, value in parts.items():
                out[f"dense.{n}.{part}" if kind == "dense" else f"{kind}.{part}_l{n}"] = value
        return out

    def forward(self, x):
        """x [T, I] of one stream from empty memory -> [T, O], in double precision."""
        y = np.asarray(x, np.float64)
        for kind, activation, parts in self.layers:
            p = {k: v.astype(np.float64) for k, v in parts.items()}
            if kind == "dense":
                y = ACTIVATIONS[activation](y @ p["weight"].T + p["bias"])
            else:
                y = advance(kind, p, y)
        return y


def advance(kind, p, x):
    """A recurrent layer over x [T, I]; formulas of models/network.h."""
    sigmoid = ACTIVATIONS["sigmoid"]
    hidden = p["weight_hh"].shape[1]
    h, c, out = np.zeros(hidden), np.zeros(hidden), []
    for row in x:
        a = p["weight_ih"] @ row + p["bias_ih"]
        b = p["weight_hh"] @ h + p["bias_hh"]
        if kind == "lstm":
            i, f, g, o = np.split(a + b, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        elif kind == "gru":
            (ar, az, an), (br, bz, bn) = np.split(a, 3), np.split(b, 3)
            z, n = sigmoid(az + bz), np.tanh(an + sigmoid(ar + br) * bn)
            h = (1.0 - z) * n + z * h
        else:
            h = np.tanh(a + b)
        out.append(h)
    return np.array(out)


def reorder(rows, order):
    """Blocks of rows (or of a bias) in another order of gates."""
    blocks = np.split(np.asarray(rows), len(order))
    return np.concatenate([blocks[i] for i in order])


# ---- from frameworks ----


def from_torch(module, activations=None):
    """A Network from a torch module made of LSTM, GRU, RNN, Linear and activation modules, or from a
    state_dict. What is done outside of modules (torch.relu(...) in forward) cannot be seen: name
    one activation per Linear in `activations` then."""
    if hasattr(module, "modules"):
        network = torch_modules(module)
    else:
        network = torch_state(module)
    dense = [layer for layer in network.layers if layer[0] == "dense"]
    if activations is not None:
        if len(activations) != len(dense) or not set(activations) <= set(ACTIVATIONS):
            raise ExportError(f"expected {len(dense)} activations of {sorted(ACTIVATIONS)}")
        for layer, name in zip(dense, activations):
            layer[1] = name
    return network


def torch_recurrent(network, kind, state, layers, prefix=""):
    for n in range(layers):
        parts = [f"{prefix}{part}_l{n}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        weights = [np.asarray(state[p].detach().cpu()) for p in parts[:2]]
        zero = np.zeros(len(weights[0]), np.float32)
        biases = [np.asarray(state[p].detach().cpu()) if p in state else zero for p in parts[2:]]
        network.recurrent(kind, *weights, *biases)


def torch_modules(module):
    from torch import nn

    network = Network()
    activations = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh"}
    for part in module.modules():
        kind = {nn.LSTM: "lstm", nn.GRU: "gru", nn.RNN: "rnn"}.get(type(part))
        if kind:
            if part.bidirectional or getattr(part, "proj_size", 0):
                raise ExportError(f"{kind}: neither both directions nor a projection are possible")
            if kind == "rnn" and part.nonlinearity != "tanh":
                raise ExportError("rnn: expected tanh")
            torch_recurrent(network, kind, part.state_dict(), part.num_layers)
        elif type(part) is nn.Linear:
            network.dense(part.weight.detach().cpu(), None if part.bias is None else part.bias.detach().cpu())
        elif type(part) in activations:
            network.activate(activations[type(part)])
        elif not list(part.children()) and type(part) not in (nn.Dropout, nn.Flatten, nn.Identity):
            raise ExportError(f"{type(part).__name__}: Vigil has no such layer")
    return network


def torch_state(state):
    """Modules in the order of the state_dict; the ratio of gates to hidden units says which kind."""
    network, seen = Network(), set()
    for name, value in state.items():
        prefix, _, last = name.rpartition(".")
        prefix += "." if prefix else ""
        if prefix in seen:
            continue
        seen.add(prefix)
        if last.startswith("weight_ih_l"):
            gates = value.shape[0] // state[f"{prefix}weight_hh_l0"].shape[1]
            kind = {n: k for k, n in GATES.items()}[gates]
            layers = sum(n.startswith(f"{prefix}weight_ih_l") for n in state)
            if any(n.endswith("_reverse") for n in state):
                raise ExportError(f"{kind}: both directions are not possible")
            torch_recurrent(network, kind, state, layers, prefix)
        elif last == "weight" and value.ndim == 2:
            bias = state.get(f"{prefix}bias")
            network.dense(value.detach().cpu(), None if bias is None else bias.detach().cpu())
        else:
            raise ExportError(f"{name}: Vigil has no layer with such a tensor")
    return network


def from_keras(model):
    """A Network from a Keras model of LSTM, GRU, SimpleRNN, Dense and Activation layers. Its
    kernels are [in, gates H] with the gates i, f, c, o or z, r, h."""
    network = Network()
    for layer in model.layers:
        name = type(layer).__name__
        if name == "TimeDistributed":
            layer = layer.layer
            name = type(layer).__name__
        if name in ("LSTM", "GRU", "SimpleRNN"):
            keras_recurrent(network, name, layer)
        elif name == "Dense":
            weights = layer.get_weights()
            network.dense(weights[0].T, weights[1] if layer.use_bias else None)
            keras_activation(network, layer.activation)
        elif name in ("Activation", "ReLU"):
            keras_activation(network, getattr(layer, "activation", None) or "relu")
        elif name not in ("InputLayer", "Dropout", "Flatten"):
            raise ExportError(f"{name}: Vigil has no such layer")
    return network


def keras_activation(network, activation):
    name = activation if isinstance(activation, str) else activation.__name__
    if name not in ACTIVATIONS:
        raise ExportError(f"activation {name}: expected one of {sorted(ACTIVATIONS)}")
    if name != "linear":
        network.activate(name)


def keras_recurrent(network, name, layer):
    kind = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}[name]
    wanted = {"activation": "tanh", "recurrent_activation": "sigmoid"}
    for attribute, expected in wanted.items():
        function = getattr(layer, attribute, None)
        if function is not None and function.__name__ != expected:
            raise ExportError(f"{name}: expected {attribute} {expected}, it is {function.__name__}")
    if kind == "gru" and not layer.reset_after:
        raise ExportError("GRU: expected reset_after=True; the other form is another function")
    if layer.go_backwards:
        raise ExportError(f"{name}: a stream cannot go backwards")
    weights = layer.get_weights()
    gates = GATES[kind] * layer.units
    bias = np.atleast_2d(weights[2]) if layer.use_bias else np.zeros((1, gates), np.float32)
    if len(bias) == 1:
        bias = np.concatenate([bias, np.zeros_like(bias)])
    order = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}[kind]  # z, r, h -> r, z, n
    network.recurrent(kind, *(reorder(a, order) for a in (weights[0].T, weights[1].T, *bias)))


ONNX_PASSED = {"Identity", "Squeeze", "Unsqueeze", "Transpose", "Reshape", "Dropout", "Flatten", "Cast",
               "Constant", "Shape", "Gather", "Concat", "Slice", "Expand", "ConstantOfShape"}  # fmt: skip


def from_onnx(model):
    """A Network from an ONNX model (or its path): LSTM, GRU, RNN, Gemm, MatMul with Add, activations,
    one after the other. Recurrent nodes: forward, default activations, no clip, no peepholes,
    input_forget 0, layout 0, linear_before_reset 1, initial states zero."""
    import onnx
    from onnx import numpy_helper

    if isinstance(model, str):
        model = onnx.load(model)
    known = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    network = Network()
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                known[node.output[0]] = numpy_helper.to_array(attribute.t)
        if node.op_type in ("LSTM", "GRU", "RNN"):
            onnx_recurrent(network, onnx, node, known)
        elif node.op_type in ("Gemm", "MatMul", "Add"):
            onnx_dense(network, onnx, node, known)
        elif node.op_type in ("Relu", "Sigmoid", "Tanh"):
            network.activate(node.op_type.lower())
        elif node.op_type not in ONNX_PASSED:
            raise ExportError(f"{node.op_type}: Vigil has no such layer")
        elif node.op_type in ("Identity", "Transpose") and node.input[0] in known:
            value = known[node.input[0]]
            known[node.output[0]] = value.T if node.op_type == "Transpose" else value
    return network


def onnx_attributes(onnx, node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def onnx_recurrent(network, onnx, node, known):
    a, kind = onnx_attributes(onnx, node), node.op_type.lower()
    defaults = {"lstm": [b"Sigmoid", b"Tanh", b"Tanh"], "gru": [b"Sigmoid", b"Tanh"], "rnn": [b"Tanh"]}
    need = {"direction": b"forward", "activations": defaults[kind], "clip": None, "layout": 0,
            "input_forget": 0, "activation_alpha": None, "activation_beta": None}  # fmt: skip
    for name, expected in need.items():
        if a.get(name, expected) != expected:
            raise ExportError(f"{node.op_type}: attribute {name} is {a[name]}, expected {expected}")
    if kind == "gru" and a.get("linear_before_reset", 0) != 1:
        raise ExportError("GRU: expected linear_before_reset 1; the other form is another function")
    inputs = list(node.input) + [""] * 8
    if kind == "lstm" and inputs[7]:
        raise ExportError("LSTM: peepholes are not possible")
    for name in inputs[4:7]:  # sequence_lens, initial_h, initial_c
        if name in known and np.any(known[name]) and name != inputs[4]:
            raise ExportError(f"{node.op_type}: initial states must be zero")
    w, r = known[inputs[1]][0], known[inputs[2]][0]
    b = known[inputs[3]][0] if inputs[3] else np.zeros(2 * len(w), np.float32)
    order = {"lstm": (0, 2, 3, 1), "gru": (1, 0, 2), "rnn": (0,)}[kind]  # i, o, f, c; z, r, h
    network.recurrent(kind, *(reorder(v, order) for v in (w, r, *np.split(b, 2))))


def onnx_dense(network, onnx, node, known):
    constant = [i for i in node.input if i in known]
    if node.op_type == "Add":
        if len(constant) != 1 or not network.layers or network.layers[-1][0] != "dense":
            raise ExportError("Add: expected the bias of a MatMul before it")
        parts = network.layers[-1][2]
        parts["bias"] = parts["bias"] + known[constant[0]].astype(np.float32).reshape(-1)
        return
    a = onnx_attributes(onnx, node)
    if node.input[1] not in known or a.get("alpha", 1.0) != 1.0 or a.get("transA", 0):
        raise ExportError(f"{node.op_type}: expected an input by a constant weight")
    weight = known[node.input[1]]
    bias = known[node.input[2]] * a.get("beta", 1.0) if len(node.input) > 2 else None
    network.dense(weight if a.get("transB", 0) else weight.T, bias)


# ---- models ----


class Model:
    """What goes into a file: texts, tensors, and the formula of models/forecaster.h, window.h or
    classifier.h around the network."""

    def __init__(self, kind, network, texts, run, inputs):
        self.kind, self.network, self.run, self.inputs = kind, network, run, inputs
        self.texts = {"vigil.schema": "2", "kind": kind, **texts, "network": network.text}

    @property
    def tensors(self):
        return self.network.tensors


def numbers(values):
    return ",".join(f"{float(v):.9g}" for v in values)


def vital_signs(channels, units, mean, scale, tick, training_data_sha256):
    return {
        "training_data_sha256": training_data_sha256,
        "channels": ",".join(channels),
        "units": ",".join(units),
        "mean": numbers(mean),
        "scale": numbers(scale),
        "tick": tick,
    }


def forecaster(network, *, channels, units, mean, scale, tick, inputs, horizons, quantiles,
               training_data_sha256, skip="persistence"):  # fmt: skip
    """A forecaster: y [C, K, Q] = quantile head on the skip plus network(x), x the features `inputs`
    of a tick, each [C]. skip "persistence": plus the last value; "none": the network alone."""
    kinds = [layer[0] for layer in network.layers if layer[0] != "dense"]
    shape = (len(channels), len(horizons), len(quantiles))
    if not kinds or network.outputs != np.prod(shape) or network.inputs != len(channels) * len(inputs.split(",")):
        raise ExportError(
            f"{network.text}: expected a recurrent layer, {len(inputs.split(','))} x {len(channels)} inputs "
            f"and {np.prod(shape)} outputs; there are {network.inputs} and {network.outputs}"
        )
    if skip not in ("persistence", "none"):
        raise ExportError('skip: expected "persistence" or "none"')
    texts = vital_signs(channels, units, mean, scale, tick, training_data_sha256)
    texts |= {"inputs": inputs, "skip": skip, "horizons": ",".join(horizons), "quantiles": numbers(quantiles)}
    median = list(quantiles).index(0.5)
    place = inputs.split(",").index("z") * len(channels) if skip == "persistence" else None

    def run(x):
        r = network.forward(x).reshape(len(x), *shape)
        last = 0.0 if place is None else x[:, place : place + len(channels), None]
        positive = np.logaddexp(0.0, r)
        y = np.empty_like(r)
        y[..., median] = r[..., median] + last
        for q in range(median - 1, -1, -1):
            y[..., q] = y[..., q + 1] - positive[..., q]
        for q in range(median + 1, shape[2]):
            y[..., q] = y[..., q - 1] + positive[..., q]
        return y.reshape(len(x), -1)

    return Model(kinds[0], network, texts, run, network.inputs)


def autoencoder(network, *, channels, units, mean, scale, tick, window, threshold, training_data_sha256,
                range=None):  # fmt: skip
    """An autoencoder over windows [window, C] of z; with twice as many inputs the network also sees
    the masks. With range=(low, high) it sees and gives (z - low) / (high - low) within 0..1."""
    entries = window * len(channels)
    if network.outputs != entries or network.inputs not in (entries, 2 * entries):
        raise ExportError(f"{network.text}: expected {entries} outputs and as many or twice as many inputs")
    texts = vital_signs(channels, units, mean, scale, tick, training_data_sha256)
    texts |= {"inputs": "z" if network.inputs == entries else "z,mask", "window": str(window)}
    texts |= {"threshold": numbers([threshold])} | ({"range": numbers(range)} if range else {})
    low, high = range or (0.0, 1.0)

    def run(x):
        seen = np.array(x, np.float64)
        if range:
            seen[:, :entries] = np.clip((seen[:, :entries] - low) / (high - low), 0.0, 1.0)
        return low + (high - low) * network.forward(seen[:, : network.inputs])

    return Model("autoencoder", network, texts, run, 2 * entries)


def classifier(network, *, variables, mean, scale, training_data_sha256, tick=None, clip=None):
    """A classifier of named variables: "mlp", "logistic" for a single dense:1:sigmoid, or "risk" when
    there is a recurrent layer: then x = [value, mask, age] [3, V] of a step of `tick`. Callers keep
    z = (value - mean) / scale within -clip..clip where there is a clip."""
    recurrent = any(layer[0] != "dense" for layer in network.layers)
    if network.inputs != len(variables) * (3 if recurrent else 1) or network.layers[-1][1] != "sigmoid":
        raise ExportError(f"{network.text}: expected {len(variables)} variables and a sigmoid at the end")
    kind = "risk" if recurrent else "logistic" if network.text == "dense:1:sigmoid" else "mlp"
    texts = {"training_data_sha256": training_data_sha256, "variables": ",".join(variables)}
    texts |= {"mean": numbers(mean), "scale": numbers(scale)} | ({"tick": tick} if recurrent else {})
    texts |= {"inputs": "value,mask,age" if recurrent else "value"} | ({"clip": numbers([clip])} if clip else {})
    return Model(kind, network, texts, network.forward, network.inputs)


def save(path, model, x, expected=None):
    """Writes `model`. x [T, inputs] is one stream that the self-test feeds; `expected` is what the
    framework's network gave for it [T, outputs of the network]. Returns the largest difference."""
    x = np.asarray(x, np.float32)
    if x.ndim != 2 or x.shape[1] != model.inputs:
        raise ExportError(f"x: expected [T, {model.inputs}], it is {list(x.shape)}")
    difference = 0.0
    if expected is not None:
        seen = model.network.forward(x[:, : model.network.inputs])
        difference = float(np.abs(seen - np.asarray(expected, np.float64).reshape(seen.shape)).max())
        if not difference <= TOLERANCE:
            raise ExportError(
                f"{path}: not written: the network as exported differs from the framework's output by up "
                f"to {difference:.3g}, more than {TOLERANCE:g}: an activation, the order of gates or of "
                "layers is not what it seems"
            )
    tests = {"selftest.input": x, "selftest.output": model.run(x.astype(np.float64))}
    with open(path, "wb") as file:
        file.write(to_bytes(model.texts, model.tensors | tests))
    return difference


# ---- back ----


def load(path):
    """The texts and tensors of a Vigil file, as two dicts; raises ExportError when it was changed."""
    with open(path, "rb") as file:
        return from_bytes(file.read())


def to_torch(path):
    """A state_dict of a Vigil file's network, in the names of models/network.h: a module with an
    nn.LSTM named lstm and an nn.ModuleList of nn.Linear named dense takes it as it is."""
    import torch

    _, tensors = load(path)
    return collections.OrderedDict(
        (name, torch.from_numpy(value.copy()))
        for name, value in tensors.items()
        if not name.startswith("selftest.")
    )
