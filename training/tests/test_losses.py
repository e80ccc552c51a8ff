"""Every loss against its formula written out, and its gradient against finite differences."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from diarist_training.losses.classification import AdaCos, ArcFace, CosFace, Softmax
from diarist_training.losses.distillation import Distillation
from diarist_training.losses.domains import DomainDiscount
from diarist_training.losses.pairwise import Contrastive, Supervised, Triplet

DIM, CLASSES = 6, 5
LABELS = torch.tensor([0, 0, 1, 1, 4, 4, 2])


def batch() -> torch.Tensor:
    torch.manual_seed(0)
    return F.normalize(torch.randn(len(LABELS), DIM, dtype=torch.float64))


def cosines(loss, embeddings):
    return embeddings @ F.normalize(loss.weight).T


def cross_entropy(logits):
    return torch.stack([-row.softmax(0)[label].log() for row, label in zip(logits, LABELS, strict=True)]).mean()


def test_softmax() -> None:
    loss = Softmax(DIM, CLASSES, scale=7.0).double()
    assert torch.allclose(loss(batch(), LABELS), cross_entropy(7.0 * cosines(loss, batch())))


def test_cosface() -> None:
    loss = CosFace(DIM, CLASSES, scale=7.0, margin=0.2).double()
    expected = 7.0 * (cosines(loss, batch()) - 0.2 * F.one_hot(LABELS, CLASSES))
    assert torch.allclose(loss(batch(), LABELS), cross_entropy(expected))


def test_arcface() -> None:
    loss = ArcFace(DIM, CLASSES, scale=7.0, margin=0.3).double()
    angle = cosines(loss, batch()).acos() + 0.3 * F.one_hot(LABELS, CLASSES)
    assert angle.max() < math.pi, "the plain formula holds for these"
    assert torch.allclose(loss(batch(), LABELS), cross_entropy(7.0 * angle.cos()))


def test_arcface_stays_monotonic_past_pi() -> None:
    loss = ArcFace(DIM, CLASSES, margin=0.5)
    target = torch.linspace(-0.999, 0.999, 500)
    assert (loss.with_margin(target).diff() > 0).all()


def test_adacos_scale() -> None:
    loss = AdaCos(DIM, CLASSES).double()
    start = math.sqrt(2) * math.log(CLASSES - 1)
    assert loss.current.item() == pytest.approx(start, rel=1e-6)
    cosine = cosines(loss, batch())
    others = torch.stack([sum((start * cosine[i, j]).exp() for j in range(CLASSES) if j != LABELS[i])
                          for i in range(len(LABELS))]).mean()
    angle = cosine[torch.arange(len(LABELS)), LABELS].acos().median()
    expected = others.log() / math.cos(min(math.pi / 4, angle))
    value = loss(batch(), LABELS)
    assert loss.current.item() == pytest.approx(expected.item(), rel=1e-6)
    assert torch.allclose(value, cross_entropy(loss.current * cosine), rtol=1e-5)
    loss.eval()(batch(), LABELS)
    assert loss.current.item() == pytest.approx(expected.item(), rel=1e-6), "evaluation must not move it"


def pairs():
    rows = batch()
    for i in range(len(rows)):
        for j in range(len(rows)):
            if i != j:
                yield (rows[i] - rows[j]).norm(), bool(LABELS[i] == LABELS[j])


def test_contrastive() -> None:
    pull = [d ** 2 for d, same in pairs() if same]
    push = [max(0.0, 1.2 - d) ** 2 for d, same in pairs() if not same]
    expected = sum(pull) / len(pull) + sum(push) / len(push)
    assert torch.allclose(Contrastive(margin=1.2)(batch(), LABELS), expected)


def test_triplet() -> None:
    rows, terms = batch(), []
    for i, label in enumerate(LABELS):
        distance = (rows - rows[i]).norm(dim=1)
        same = [distance[j] for j in range(len(rows)) if j != i and LABELS[j] == label]
        if same:
            terms.append(max(0.0, max(same) - min(distance[LABELS != label]) + 0.3))
    assert torch.allclose(Triplet(margin=0.3)(batch(), LABELS), torch.stack([torch.as_tensor(t) for t in terms]).mean(), atol=1e-6)


def test_supervised_contrastive() -> None:
    rows, terms = batch(), []
    for i, label in enumerate(LABELS):
        others = [j for j in range(len(rows)) if j != i]
        same = [j for j in others if LABELS[j] == label]
        total = sum((5.0 * rows[i] @ rows[j]).exp() for j in others)
        if same:
            terms.append(-sum(((5.0 * rows[i] @ rows[j]).exp() / total).log() for j in same) / len(same))
    assert torch.allclose(Supervised(scale=5.0)(batch(), LABELS), torch.stack(terms).mean())


def test_distillation() -> None:
    torch.manual_seed(1)
    targets, prototypes = (F.normalize(torch.randn(n, 4, dtype=torch.float64)) for n in (9, CLASSES))
    loss = Distillation(DIM, targets, prototypes, scale=3.0).double()
    clips = torch.arange(len(LABELS)) + 2
    cosine, entropy = loss(batch(), LABELS, clips)
    projected = F.normalize(batch() @ loss.head.weight.T)
    assert torch.allclose(cosine, (1 - F.cosine_similarity(projected, targets[clips])).mean())
    assert torch.allclose(entropy, cross_entropy(3.0 * projected @ prototypes.T))


def test_distillation_leaves_out_what_the_teacher_did_not_hear() -> None:
    torch.manual_seed(1)
    targets, prototypes = (F.normalize(torch.randn(n, 4, dtype=torch.float64)) for n in (9, CLASSES))
    loss = Distillation(DIM, targets, prototypes).double()
    clips, offset = torch.arange(len(LABELS)), torch.zeros(len(LABELS), 2 * CLASSES)
    moved = torch.where(torch.arange(len(LABELS)) < 3, LABELS, LABELS + CLASSES)
    parts = loss(batch(), moved, clips, offset)
    alone = loss(batch()[:3], LABELS[:3], clips[:3])
    assert all(torch.allclose(a, b) for a, b in zip(parts, alone, strict=True))
    nobody = loss(batch(), LABELS + CLASSES, clips, offset)
    assert nobody[0] == 0 and nobody[1] == 0


def test_discount_takes_other_corpora_and_languages_out() -> None:
    names = [("a", "en"), ("a", "fr"), ("b", "en"), ("a", "en")]
    pack = SimpleNamespace(corpus=np.array([n[0] for n in names]), language=np.array([n[1] for n in names]))
    sampler = SimpleNamespace(clips=[np.array([index]) for index in range(4)], speeds=(1.0,))
    offset = DomainDiscount(pack, sampler, other_corpus=50.0, other_language=2.0)(torch.tensor([0, 2]))
    assert offset.tolist() == [[0, -2, -50, 0], [-50, -50, 0, -50]]
    loss = Softmax(DIM, 4).double()
    rows = batch()[:2]
    alone = -(30.0 * cosines(loss, rows)[0] + torch.tensor([0.0, -2.0, -torch.inf, 0.0])).log_softmax(0)[0]
    assert torch.allclose(loss(rows, torch.tensor([0, 2]), offset), alone / 2), "the only one of its corpus costs nothing"


@pytest.mark.parametrize("loss", [
    Softmax(DIM, CLASSES, scale=3.0), CosFace(DIM, CLASSES, scale=3.0, margin=0.2), ArcFace(DIM, CLASSES, scale=3.0, margin=0.2),
    AdaCos(DIM, CLASSES).eval(), Contrastive(1.2), Triplet(0.5), Supervised(5.0),
], ids=lambda loss: type(loss).__name__)
def test_gradient(loss) -> None:
    embeddings = batch().requires_grad_()
    loss = loss.double()
    assert torch.autograd.gradcheck(lambda rows: loss(rows, LABELS), embeddings, fast_mode=True)
    loss(embeddings, LABELS).backward()
    assert torch.isfinite(embeddings.grad).all() and embeddings.grad.abs().sum() > 0


@pytest.mark.parametrize("loss", [Contrastive(), Triplet(), Supervised()], ids=lambda loss: type(loss).__name__)
def test_gradient_is_finite_for_equal_embeddings_and_without_pairs(loss) -> None:
    embeddings = F.normalize(torch.ones(4, DIM)).requires_grad_()
    for labels in (torch.tensor([0, 0, 1, 1]), torch.arange(4), torch.zeros(4, dtype=torch.long)):
        loss(embeddings, labels).backward()
        assert torch.isfinite(embeddings.grad).all()
