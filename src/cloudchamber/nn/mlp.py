"""A residual multi-layer perceptron, the plain trunk of every model."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

MOST_NUMBERS, MOST_LAYERS = 2**30, 256
"""More of either is a slip of the keyboard, or a file that was tampered with: refused before memory is taken."""


class _Block(nn.Module):
    """x + SiLU(W norm(x) + b)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, width)
        self.activation = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.activation(self.linear(self.norm(x))))


class MLP(nn.Module):
    """(events, inputs) to (events, outputs): a linear layer to ``hidden``, ``layers`` residual blocks with layer norm and SiLU, a linear layer out.

    With ``zero`` the last layer starts at zero, so that what the output steers starts as the identity.
    """

    def __init__(self, inputs: int, outputs: int, hidden: int = 128, layers: int = 2, zero: bool = False) -> None:
        super().__init__()
        if min(inputs, outputs, hidden) < 1 or layers < 0:
            raise ValueError(f"an MLP needs inputs, outputs and hidden >= 1 and layers >= 0, got {inputs}, {outputs}, {hidden}, {layers}")
        numbers = hidden * (inputs + outputs + layers * hidden)
        if numbers > MOST_NUMBERS or layers > MOST_LAYERS:
            raise ValueError(
                f"an MLP of {layers} layers of {hidden} units would have {numbers:.3g} numbers; allowed: {MOST_LAYERS} layers, {MOST_NUMBERS:.3g} numbers"
            )
        self.first = nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU())
        self.blocks = nn.Sequential(*(_Block(hidden) for _ in range(layers)))
        self.last = nn.Linear(hidden, outputs)
        if zero:
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.last(self.blocks(self.first(x))))
