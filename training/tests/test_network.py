"""Shapes, norms and lengths of the networks, and the replicas that train them."""

import pytest
import torch

from diarist_training.replicas import Replicas
from diarist_training.resnet import BACKBONES, SpeakerEmbedding


@pytest.mark.parametrize("backbone", BACKBONES)
def test_any_length_from_half_a_second_gives_a_unit_vector(backbone: str) -> None:
    network = SpeakerEmbedding(backbone)  # in training mode: untrained statistics would let signals die out
    for frames in (50, 117):
        embedding = network(torch.randn(2, frames, 80))
        assert embedding.shape == (2, 512)
        assert torch.allclose(embedding.norm(dim=1), torch.ones(2), atol=1e-5)


def test_resnet50_has_the_published_size() -> None:
    # torchvision's ResNet50 without its classifier has 23,508,032 weights; one input channel
    # instead of three takes 2 * 64 * 49 away; then 2048 x 512 and BatchNorm's 2 x 512 come on top.
    count = sum(p.numel() for p in SpeakerEmbedding("resnet50").parameters())
    assert count == 23_508_032 - 2 * 64 * 49 + 2048 * 512 + 2 * 512


def test_unknown_backbone_is_refused() -> None:
    with pytest.raises(ValueError, match="given: resnet999"):
        SpeakerEmbedding("resnet999")


def test_replicas_sum_the_gradient_of_the_whole_batch() -> None:
    torch.manual_seed(0)
    network = SpeakerEmbedding("resnet18", dim=16, dropout=0.0)
    features, wanted = torch.randn(8, 60, 80), torch.randn(8, 16)
    # With frozen statistics a share does not see the others, so both must agree.
    replicas = Replicas(network, 2)
    replicas.train(freeze_batchnorm=True)
    (network(features) * wanted).sum().backward()
    expected = [p.grad.clone() for p in network.parameters()]
    shares = features.tensor_split(2)
    outputs = replicas.forward(lambda replica, index: replica(shares[index]))
    replicas.backward(outputs, list(wanted.tensor_split(2)))
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, rtol=1e-3, atol=1e-4)


def test_replicas_share_weights() -> None:
    network = SpeakerEmbedding("resnet18", dim=16)
    replicas = Replicas(network, 2)
    with torch.no_grad():
        network.linear.weight.fill_(0.5)
    assert (replicas.networks[1].linear.weight == 0.5).all()
