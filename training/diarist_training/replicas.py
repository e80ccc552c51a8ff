"""One network on several cores without a barrier after every operation.

With two threads inside each convolution, both wait for the slower one at every layer, and on a
machine that does other work too, that halves the speed. Here each thread runs its share of the
batch through its own replica on one core; they meet only before the loss and after the backward pass.
"""

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn


class Replicas:
    """`count` replicas of `network` that share its weights; the first one is `network` itself.

    BatchNorm normalises over a replica's own share; running statistics are those of the first.
    With one replica everything runs in the calling thread.
    """

    def __init__(self, network: nn.Module, count: int) -> None:
        self.networks = [network] + [copy.deepcopy(network) for _ in range(count - 1)]
        # Walked once, not in every step: on a GPU the walk takes longer than what is done on it.
        self.modules = [list(replica.modules()) for replica in self.networks]
        self.parameters = [list(replica.parameters()) for replica in self.networks]
        for replica in self.parameters[1:]:
            for own, shared in zip(replica, self.parameters[0], strict=True):
                own.data = shared.data
        self.pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) if count > 1 else None

    def __len__(self) -> int:
        return len(self.networks)

    def train(self, freeze_batchnorm: bool) -> None:
        """Training mode; with frozen BatchNorm all replicas use the first one's statistics, unchanged."""
        for modules in self.modules:
            for module, first in zip(modules, self.modules[0], strict=True):
                frozen = freeze_batchnorm and isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
                module.training = not frozen
                if frozen and module is not first:
                    module.running_mean.copy_(first.running_mean)
                    module.running_var.copy_(first.running_var)

    def _map(self, function: Callable, *arguments: list) -> list:
        return list((self.pool.map if self.pool else map)(function, *arguments))

    def forward(self, work: Callable[[nn.Module, int], Tensor]) -> list[Tensor]:
        """`work(network, index)` for every replica; the embeddings in order of the replicas."""
        return self._map(work, self.networks, range(len(self)))

    def backward(self, outputs: list[Tensor], gradients: list[Tensor]) -> None:
        """Backward through every replica; the sum of the gradients lands in the first."""
        for replica in self.parameters:
            for parameter in replica:
                parameter.grad = None
        self._map(lambda output, gradient: output.backward(gradient), outputs, gradients)
        target = [p.grad for p in self.parameters[0]]
        for replica in self.parameters[1:]:
            torch._foreach_add_(target, [p.grad for p in replica])
