"""Layer-wise relevance propagation (epsilon rule): how much each input spoke for a network's output.

The rule is gradient times input in a network whose bends are straightened: an activation f passes relevance on unchanged if its slope is the secant
(f(z) - f(0)) / z in place of f'(z); a product shares it between its factors; a linear map shares it by contribution, z / (z + epsilon sign z) of it where the
sum z nearly cancels. What is constant (biases, batch norm's shifts, f(0)) absorbs a part. So output = sum of relevances + absorbed part, at every layer.

References: Bach et al. (2015), PLoS ONE 10, e0130140, eqs. 56-58; Ancona et al. (2018), arXiv:1711.06104, proposition 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Output = Callable[[Tensor], Tensor]
"""Picks one number an event, (events,), from a network's output."""

_BENT = frozenset(
    [
        "relu",
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "silu",
        "mish",
        "gelu",
        "tanh",
        "sigmoid",
        "softplus",
        "exp",
        "expm1",
        "log1p",
        "sin",
        "cos",
        "erf",
        "square",
        "abs",
        "hardtanh",
        "relu6",
        "sqrt",
        "rsqrt",
    ]
)
_LINEAR = frozenset(["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "matmul", "__matmul__", "bmm", "mm", "addmm", "einsum"])
_PRODUCTS = frozenset(["mul", "multiply", "__mul__", "__rmul__", "matmul", "__matmul__", "bmm", "mm", "einsum"])
_QUOTIENTS = frozenset(["div", "divide", "true_divide", "__truediv__"])
_REFUSED = frozenset(
    [
        "group_norm",
        "instance_norm",
        "reciprocal",
        "prod",
        "cumprod",
        "maximum",
        "minimum",
        "fmax",
        "fmin",
        "atan2",
        "arctan2",
        "hypot",
        "addcmul",
        "addcdiv",
        "cross",
        "fmod",
        "remainder",
        "floor_divide",
        "logaddexp",
        "cdist",
        "cosine_similarity",
        "bilinear",
    ]
)
"""Neither linear nor with a rule: gradient times input would not add up to the output."""
_INVERTED = frozenset(["__rtruediv__", "__rdiv__"])
_WITHOUT_VALUE_AT_ZERO = frozenset(("rsqrt",))


@dataclass(frozen=True)
class Relevance:
    """Relevance of every input number (events, ...) for ``output`` (events,), and the part of it that constants ``absorbed`` (events,)."""

    values: Tensor
    output: Tensor
    absorbed: Tensor


def relevance(network: nn.Module | Callable[[Tensor], Tensor], inputs: Tensor, output: Output, epsilon: float = 0.0) -> Relevance:
    """Relevance of ``inputs`` (events, ...) for ``output(network(inputs))``; the network should be in evaluation mode."""
    return _propagate(network, inputs, output, epsilon, {})[0]


def layer_relevances(network: nn.Module, inputs: Tensor, output: Output, epsilon: float = 0.0, layers: Sequence[str] | None = None) -> dict[str, Relevance]:
    """Relevance of the outputs of ``network``'s modules, by name, and of the inputs as ``""``: of all that are called once and
    put out one tensor with the events first, or of ``layers`` among them.

    A layer absorbs what its relevance differs by from the layer before it, where one feeds the other alone.
    """
    seen: dict[str, Tensor] = {}
    calls = dict[str, int]()
    chosen = {name: module for name, module in network.named_modules() if name and (layers is None or name in layers)}
    missing = [name for name in layers or () if name not in chosen]
    if missing:
        raise ValueError(f"no layer '{missing[0]}'; there are: {', '.join(chosen) or 'none'}")

    def keep(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, given: Any, put_out: Any) -> None:
            calls[name] = calls.get(name, 0) + 1
            if calls[name] > 1:
                seen.pop(name, None)
            elif isinstance(put_out, Tensor) and put_out.requires_grad:
                seen[name] = put_out

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in chosen.items()]
    try:
        found, others = _propagate(network, inputs, output, epsilon, seen)
    finally:
        for handle in handles:
            handle.remove()
    return {"": found, **others}


def _propagate(
    network: Callable[[Tensor], Tensor], inputs: Tensor, output: Output, epsilon: float, seen: Mapping[str, Tensor]
) -> tuple[Relevance, dict[str, Relevance]]:
    if epsilon < 0:
        raise ValueError(f"epsilon must be at least 0, got {epsilon}")
    parameters = list(network.parameters()) if isinstance(network, nn.Module) else []
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        with torch.enable_grad():
            start = inputs.detach().clone().requires_grad_()
            with _Straightened(epsilon):
                result = output(network(start))
            if result.shape != inputs.shape[:1]:
                raise ValueError(f"output must give one number an event, ({len(inputs)},), got {tuple(result.shape)}")
            tensors = {"": start, **seen}
            gradients = torch.autograd.grad(result.sum(), list(tensors.values()), allow_unused=True)
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
    found = {}
    for (name, tensor), gradient in zip(tensors.items(), gradients, strict=True):
        if gradient is None or len(tensor) != len(inputs):
            continue
        values = (tensor * gradient).detach()
        total = values.reshape(len(inputs), -1).sum(1)
        found[name] = Relevance(values, result.detach(), result.detach() - total)
    return found.pop(""), found


class _Straightened(TorchFunctionMode):
    """Within it every operation's backward pass is the relevance rule's; values stay the same."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def __torch_function__(self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(function, "__name__", "")
        active = [i for i, value in enumerate(args) if isinstance(value, Tensor) and value.requires_grad]
        if not active:
            return function(*args, **kwargs)
        if name in ("pow", "__pow__") or name in _BENT:
            return _secant(function, name, args, kwargs) if active == [0] else function(*args, **kwargs).detach()
        if name in _PRODUCTS and len(active) == 2:
            return self._stable(name, _shared(function, args, kwargs, active))
        if name in _INVERTED or (name in _QUOTIENTS and active == [1]):
            raise ValueError("no relevance rule for 'number / x'")
        if name in _QUOTIENTS:
            return function(args[0], _still(args[1]), **kwargs)
        if name == "logsumexp":
            return _logsumexp(function, args, kwargs)
        if name in ("softmax", "log_softmax"):
            # attention weights are held; log probabilities move with their own logit, less the constant logsumexp
            return function(*args, **kwargs).detach() if name == "softmax" else _shifted(function, args, kwargs)
        if name == "var":
            return _halved(function(*args, **kwargs))
        if name == "layer_norm":
            return _normalised(*args, **kwargs)
        if name in _REFUSED or (name in ("max", "min") and len(active) == 2):
            raise ValueError(f"no relevance rule for '{name}'")
        result = function(*args, **kwargs)
        return self._stable(name, result) if isinstance(result, Tensor) else result

    def _stable(self, name: str, result: Tensor) -> Tensor:
        if self.epsilon == 0 or name not in _LINEAR:
            return result
        held = result.detach()
        share = held / (held + self.epsilon * torch.where(held < 0, -1.0, 1.0))
        return result * share + held * (1 - share)


def _still(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _secant(function: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
    """f(z) with the slope of its secant through f(0), and f(0) as a constant; the tangent where f has no value at 0, or z is 0."""
    z = args[0]
    options = {key: value for key, value in kwargs.items() if key != "inplace"}
    rest = tuple(False if name in ("relu", "leaky_relu", "elu") and isinstance(each, bool) else each for each in args[1:])
    with torch.no_grad():
        value = function(z.detach(), *rest, **options)
        at_zero = function(torch.zeros_like(z), *rest, **options)
    if name in _WITHOUT_VALUE_AT_ZERO or not bool(torch.isfinite(at_zero).all()):
        return function(z, *rest, **options)
    tiny = torch.finfo(z.dtype).tiny
    near = z.detach().abs() <= tiny
    slope = torch.where(near, torch.zeros_like(value), (value - at_zero) / torch.where(near, torch.ones_like(value), z.detach()))
    return z * slope + (value - z.detach() * slope)


def _shared(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], active: Sequence[int]) -> Tensor:
    """A product of two active factors: half of its relevance to each."""
    parts = [function(*(value if i == kept or i not in active else value.detach() for i, value in enumerate(args)), **kwargs) for kept in active]
    halves: Tensor = 0.5 * (parts[0] + parts[1])
    return halves


def _logsumexp(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
    """Shared by the softmax weights; their entropy is a constant."""
    z = args[0]
    value: Tensor = function(z.detach(), *args[1:], **kwargs)
    dim = args[1] if len(args) > 1 else kwargs["dim"]
    keep = args[2] if len(args) > 2 else kwargs.get("keepdim", False)
    weights = torch.exp(z.detach() - (value if keep else _unsqueezed(value, dim, z.ndim)))
    moving = torch.where(weights > 0, weights * z, torch.zeros_like(z)).sum(dim, keepdim=keep)
    return moving + (value - moving.detach())


def _unsqueezed(value: Tensor, dim: int | Sequence[int], ndim: int) -> Tensor:
    for each in sorted(d % ndim for d in ([dim] if isinstance(dim, int) else dim)):
        value = value.unsqueeze(each)
    return value


def _shifted(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
    held = function(args[0].detach(), *args[1:], **kwargs)
    shifted: Tensor = args[0] + (held - args[0].detach())
    return shifted


def _normalised(z: Tensor, shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Layer norm with its spread held. References: Ali et al. (2022), arXiv:2202.07304, section 3."""
    dims = tuple(range(-len(shape), 0))
    centred = z - z.mean(dims, keepdim=True)
    scaled = centred / (centred.detach().square().mean(dims, keepdim=True) + eps).sqrt()
    scaled = scaled if weight is None else scaled * weight
    return scaled if bias is None else scaled + bias


def _halved(value: Tensor) -> Tensor:
    return 0.5 * value + 0.5 * value.detach()
