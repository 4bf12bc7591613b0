"""A small convolutional network in numpy: forward, backward, Adam. Just what train_digits.py needs.

Tensors are NHWC here (the ONNX file is NCHW); a layer is a dict with its kind and its parameters.
"""

import numpy as np

# Channels on the rows of the array: only the first layer, with its single channel, cannot fill them, so it is kept
# small against the other two. 452,864 multiply-accumulates an image.
ARCHITECTURE = [
    ("conv1", "conv", 1, 16),
    ("conv2", "conv", 16, 32),
    ("pool1", "maxpool", None, None),
    ("conv3", "conv", 32, 32),
    ("pool2", "avgpool", None, None),
    ("fc", "fc", 128, 10),
]


def initial(rng):
    """He initialisation; biases zero."""
    parameters = {}
    for name, kind, cin, cout in ARCHITECTURE:
        if kind in ("conv", "fc"):
            fan_in = cin * (9 if kind == "conv" else 1)
            parameters[name + ".w"] = rng.normal(0, np.sqrt(2 / fan_in), (fan_in, cout)).astype(np.float32)
            parameters[name + ".b"] = np.zeros(cout, np.float32)
    return parameters


def columns(x):
    """The 3x3 neighbourhood of each pixel, zero padded: [N,H,W,C] -> [N*H*W, 9*C], taps row by row."""
    n, h, w, c = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = [padded[:, dy : dy + h, dx : dx + w, :] for dy in range(3) for dx in range(3)]
    return np.stack(taps, axis=3).reshape(n * h * w, 9 * c)


def from_columns(grad, shape):
    """The transpose of `columns`: adds each neighbourhood's gradient back to the pixels it came from."""
    n, h, w, c = shape
    grad = grad.reshape(n, h, w, 9, c)
    padded = np.zeros((n, h + 2, w + 2, c), grad.dtype)
    for tap in range(9):
        dy, dx = divmod(tap, 3)
        padded[:, dy : dy + h, dx : dx + w, :] += grad[:, :, :, tap, :]
    return padded[:, 1:-1, 1:-1, :]


def forward(parameters, x, keep=None):
    """Logits of images [N,8,8,1]. `keep`, a dict, collects every layer's output and what backward needs."""
    for name, kind, _, cout in ARCHITECTURE:
        saved = None
        if kind == "conv":
            n, h, w, _ = x.shape
            saved = (columns(x), x.shape)
            x = (saved[0] @ parameters[name + ".w"] + parameters[name + ".b"]).reshape(n, h, w, cout)
            x = np.maximum(x, 0)
        elif kind == "maxpool":
            n, h, w, c = x.shape
            windows = x.reshape(n, h // 2, 2, w // 2, 2, c)
            x = windows.max(axis=(2, 4))
            saved = windows == x[:, :, None, :, None, :]
        elif kind == "avgpool":
            n, h, w, c = x.shape
            x = x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))
        else:
            saved = (x.reshape(len(x), -1), x.shape)
            x = saved[0]
            x = x @ parameters[name + ".w"] + parameters[name + ".b"]
        if keep is not None:
            keep[name] = (x, saved)
    return x


def backward(parameters, kept, grad):
    """Gradients of all parameters from the gradient of the logits."""
    grads = {}
    for name, kind, _, cout in reversed(ARCHITECTURE):
        out, saved = kept[name]
        if kind == "conv":
            cols, shape = saved
            grad = (grad * (out > 0)).reshape(-1, cout)
            grads[name + ".w"] = cols.T @ grad
            grads[name + ".b"] = grad.sum(axis=0)
            if shape[3] > 1:  # nothing learns below the first layer
                grad = from_columns(grad @ parameters[name + ".w"].T, shape)
        elif kind == "maxpool":
            n, h2, _, w2, _, c = saved.shape
            share = saved / saved.sum(axis=(2, 4), keepdims=True)
            grad = (share * grad[:, :, None, :, None, :]).reshape(n, 2 * h2, 2 * w2, c).astype(np.float32)
        elif kind == "avgpool":
            grad = np.repeat(np.repeat(grad / 4, 2, axis=1), 2, axis=2)
        else:
            flat, shape = saved
            grads[name + ".w"] = flat.T @ grad
            grads[name + ".b"] = grad.sum(axis=0)
            grad = (grad @ parameters[name + ".w"].T).reshape(shape)
    return grads


def shifted(rng, x):
    """Each image moved by -1, 0 or 1 pixels in both directions: the augmentation."""
    n = len(x)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    dy, dx = rng.integers(0, 3, n), rng.integers(0, 3, n)
    return np.stack([padded[i, dy[i] : dy[i] + 8, dx[i] : dx[i] + 8] for i in range(n)])


def train(x, y, seed, epochs, report):
    """Adam with a cosine schedule and label smoothing; the average of the last quarter's weights is returned."""
    rng = np.random.default_rng(seed)
    parameters = initial(rng)
    first = {k: np.zeros_like(v) for k, v in parameters.items()}
    second = {k: np.zeros_like(v) for k, v in parameters.items()}
    average, averaged, step, batch = None, 0, 0, 64
    for epoch in range(epochs):
        rate = 3e-3 * 0.5 * (1 + np.cos(np.pi * epoch / epochs)) + 1e-5
        order = rng.permutation(len(x))
        loss_sum = 0.0
        for start in range(0, len(x), batch):
            pick = order[start : start + batch]
            kept = {}
            logits = forward(parameters, shifted(rng, x[pick]), kept)
            logits = logits - logits.max(axis=1, keepdims=True)
            p = np.exp(logits)
            p /= p.sum(axis=1, keepdims=True)
            target = np.full_like(p, 0.05 / 10)
            target[np.arange(len(pick)), y[pick]] += 0.95
            loss_sum -= float((target * np.log(p + 1e-9)).sum())
            grads = backward(parameters, kept, (p - target) / len(pick))
            step += 1
            for k, g in grads.items():
                g = g + 1e-4 * parameters[k]  # weight decay
                first[k] += 0.1 * (g - first[k])
                second[k] += 0.001 * (g * g - second[k])
                m, v = first[k] / (1 - 0.9**step), second[k] / (1 - 0.999**step)
                parameters[k] -= (rate * m / (np.sqrt(v) + 1e-8)).astype(np.float32)
        if epoch >= epochs * 3 // 4:
            averaged += 1
            if average is None:
                average = {k: v.astype(np.float64) for k, v in parameters.items()}
            else:
                for k, v in parameters.items():
                    average[k] += (v - average[k]) / averaged
        report(epoch + 1, epochs, loss_sum / len(x))
    return {k: v.astype(np.float32) for k, v in average.items()}
