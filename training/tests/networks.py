"""Networks with random weights whose BatchNorm statistics are not the initial ones."""

import torch

from diarist_training.resnet import SpeakerEmbedding

DESCRIPTION = {"framework": "wespeaker", "language": "Multilingual", "model": "random", "license": "Apache-2.0"}


def random_network(backbone: str) -> SpeakerEmbedding:
    """A network in inference mode in which forgetting to fold any BatchNorm changes the result."""
    torch.manual_seed(3)
    network = SpeakerEmbedding(backbone)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
                module.weight.uniform_(0.6, 1.2)
                module.bias.normal_(0.0, 0.1)
        network.train()
        for _ in range(4):
            network(3 * torch.randn(8, 60, 80))
    return network.eval()
