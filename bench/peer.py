"""What the contenders of bench/bench_peers.py in Python have in common: bench/peer.h says what they
answer. A contender is a function open(network, parameters, batch) that returns a step of x [B, K]
to y [B, N]; the network is a list of (kind, inputs, outputs, activation)."""
import sys
import time

import numpy

SLICE_S = 0.004


def numbers(n, size):
    """The fixed sequence of bench/peer.h."""
    bits = numpy.arange(n, dtype=numpy.uint32) * numpy.uint32(2654435761)
    bits ^= bits >> numpy.uint32(15)
    bits *= numpy.uint32(2246822519)
    bits ^= bits >> numpy.uint32(13)
    value = (bits >> numpy.uint32(8)).astype(numpy.float32) / numpy.float32(2**23)
    return (value - numpy.float32(1)) * numpy.float32(size)


def parse(text, inputs):
    layers = []
    for layer in text.split(","):
        kind, width, activation = (layer.split(":") + ["linear"])[:3]
        layers.append((kind, inputs, int(width), activation))
        inputs = int(width)
    return layers


def shapes(layer):
    """Of a layer's tensors, in the order of models/network.h."""
    kind, inputs, outputs, _ = layer
    if kind == "dense":
        return [(outputs, inputs), (outputs,)]
    return [(4 * outputs, inputs), (4 * outputs, outputs), (4 * outputs,), (4 * outputs,)]


def tensors(layers, parameters):
    """A list of arrays for each layer."""
    at, result = 0, []
    for layer in layers:
        result.append([])
        for shape in shapes(layer):
            size = int(numpy.prod(shape))
            result[-1].append(parameters[at:at + size].reshape(shape))
            at += size
    return result


def best_rate(step, x, seconds):
    end, best, calls = time.thread_time() + seconds, 0.0, 1
    while time.thread_time() < end:
        start = time.thread_time()
        for _ in range(calls):
            step(x)
        took = time.thread_time() - start
        if took < SLICE_S / 2:
            calls *= 2
        else:
            best = max(best, calls / took)
    return best


def serve(open_network):
    for line in sys.stdin:
        network, batch, seconds = line.split()
        text, inputs = network.split("@")
        layers, batch = parse(text, int(inputs)), int(batch)
        size = sum(int(numpy.prod(shape)) for layer in layers for shape in shapes(layer))
        step = open_network(layers, numbers(size, 0.125), batch)
        x = numbers(batch * int(inputs), 1.0).reshape(batch, int(inputs))
        for _ in range(3):
            y = step(x)
        total = float(numpy.abs(numpy.asarray(y, dtype=numpy.float64)).sum())
        print(f"{best_rate(step, x, float(seconds)) * batch:.1f} {total:.6f}", flush=True)
