"""ONNX Runtime as a contender (bench/peer.py): one file, state in and out bound to buffers that are
kept, one thread."""
import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import peer

ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}


class Graph:
    def __init__(self):
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []

    def weight(self, name, value):
        self.weights.append(numpy_helper.from_array(numpy.ascontiguousarray(value), name))
        return name

    def node(self, kind, inputs, outputs, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))

    def value(self, kind, name, shape):
        kind.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def session(self):
        graph = helper.make_graph(self.nodes, "bench", self.inputs, self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        return onnxruntime.InferenceSession(model.SerializeToString(), options,
                                            providers=["CPUExecutionProvider"])


def iofc(rows, hidden):
    """PyTorch's gates i, f, g, o in ONNX's order."""
    i, f, g, o = (rows[n * hidden:(n + 1) * hidden] for n in range(4))
    return numpy.concatenate([i, o, f, g])


def add_lstm(graph, number, layer, values, x, batch):
    _, _, hidden, _ = layer
    wx, wh, bx, bh = (iofc(value, hidden) for value in values)
    h = graph.value(graph.inputs, f"h{number}", [1, batch, hidden])
    c = graph.value(graph.inputs, f"c{number}", [1, batch, hidden])
    graph.value(graph.outputs, f"h{number}.new", [1, batch, hidden])
    graph.value(graph.outputs, f"c{number}.new", [1, batch, hidden])
    names = [graph.weight(f"{name}{number}", value[None])
             for name, value in (("w", wx), ("r", wh), ("b", numpy.concatenate([bx, bh])))]
    y = f"y{number}"
    graph.node("LSTM", [x, *names, "", h, c], ["", f"h{number}.new", f"c{number}.new"],
               hidden_size=hidden)
    graph.node("Identity", [f"h{number}.new"], [y])
    return y


def open_lstm(layers, values, batch):
    graph = Graph()
    x = graph.value(graph.inputs, "x", [1, batch, layers[0][1]])
    for number, (layer, value) in enumerate(zip(layers, values)):
        x = add_lstm(graph, number, layer, value, x, batch)
    session = graph.session()
    binding = [session.io_binding(), session.io_binding()]
    # Two sets of states, read and written in turns.
    state = [{f"{name}{n}": onnxruntime.OrtValue.ortvalue_from_numpy(
        numpy.zeros((1, batch, layer[2]), numpy.float32)) for n, layer in enumerate(layers)
        for name in "hc"} for _ in range(2)]
    for turn in range(2):
        for name, value in state[turn].items():
            binding[turn].bind_ortvalue_input(name, value)
            binding[1 - turn].bind_ortvalue_output(f"{name}.new", value)
    seen = onnxruntime.OrtValue.ortvalue_from_numpy(
        numpy.zeros((1, batch, layers[0][1]), numpy.float32))
    for b in binding:
        b.bind_ortvalue_input("x", seen)
    turn = [0]

    def step(x):
        seen.update_inplace(x[None])
        session.run_with_iobinding(binding[turn[0]])
        turn[0] = 1 - turn[0]
        return state[turn[0]][f"h{len(layers) - 1}"].numpy()[0]
    return step


def open_dense(layers, values, batch):
    graph = Graph()
    x = graph.value(graph.inputs, "x", [batch, layers[0][1]])
    for number, ((_, _, outputs, activation), (weight, bias)) in enumerate(zip(layers, values)):
        y = f"y{number}"
        graph.node("Gemm", [x, graph.weight(f"w{number}", weight), graph.weight(f"b{number}", bias)],
                   [y], transB=1)
        if activation in ACTIVATIONS:
            graph.node(ACTIVATIONS[activation], [y], [y + "a"])
            y += "a"
        x = y
    graph.value(graph.outputs, x, [batch, layers[-1][2]])
    session = graph.session()
    binding = session.io_binding()
    seen = onnxruntime.OrtValue.ortvalue_from_numpy(
        numpy.zeros((batch, layers[0][1]), numpy.float32))
    made = onnxruntime.OrtValue.ortvalue_from_numpy(
        numpy.zeros((batch, layers[-1][2]), numpy.float32))
    binding.bind_ortvalue_input("x", seen)
    binding.bind_ortvalue_output(x, made)

    def step(x):
        seen.update_inplace(x)
        session.run_with_iobinding(binding)
        return made.numpy()
    return step


def open_network(layers, parameters, batch):
    values = peer.tensors(layers, parameters)
    return (open_lstm if layers[0][0] == "lstm" else open_dense)(layers, values, batch)


peer.serve(open_network)
