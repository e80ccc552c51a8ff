"""Simulated chunks: labels say what is heard, rules of talk hold, and numbers decide everything."""

import numpy as np
import pytest
import torch

from diarist_training.pack import Pack
from diarist_training.segmentation.chunks import Generator
from diarist_training.segmentation.material import Material, clear_regions
from diarist_training.segmentation.mixture import Sound
from diarist_training.segmentation.powerset import decode
from diarist_training.segmentation.scene import CELLS, CHUNK, FRAMES, Scene, draw_scene

SOUND = Sound(rooms=3, noises=3)


@pytest.fixture(scope="module")
def generator(pack_folder) -> Generator:
    return Generator(Pack.open(pack_folder), "train", SOUND, seed=3)


def test_a_chunk_follows_from_its_number(generator):
    together, alone = generator.draw(5, 3), generator.draw(6, 1)
    assert together.samples.shape == (3, 1, CHUNK) and together.classes.shape == (3, FRAMES)
    for name in ("samples", "classes", "people"):
        assert torch.equal(getattr(together, name)[1], getattr(alone, name)[0])
    assert not torch.equal(together.samples[0], together.samples[1])


def test_only_speakers_of_the_split(pack_folder):
    pack = Pack.open(pack_folder)
    train, verify = (set(Material(pack, split).speakers) for split in ("train", "verify"))
    assert train and verify and not train & verify
    assert train == set(pack.speaker[pack.split == "train"])


def test_at_most_two_speak_and_all_kinds_occur(generator):
    overlaps, people = [], set()
    for number in range(120):
        scene = draw_scene(generator.material, np.random.default_rng(number))
        assert scene.active.sum(axis=0).max() <= 2
        active = decode(scene.classes())
        people.add(int(active.any(axis=0).sum()))
        overlaps.append((active.sum(axis=1) > 1).sum() / max(1, (active.sum(axis=1) > 0).sum()))
    assert people == {0, 1, 2, 3}
    assert min(overlaps) == 0.0 and np.quantile(overlaps, 0.9) > 0.2


def test_whoever_is_labelled_is_heard(generator):
    """Without room, noise and line, a chunk is loud where its labels say so and silent elsewhere."""
    quiet = Generator(generator.material.pack, "train",
                      Sound(rooms=1, noises=1, dry=1.0, silent=1.0, colour=0.0, telephone=0.0, codec=0.0), seed=4)
    for number in range(12):
        chunk = quiet.draw(number, 1)
        power = chunk.samples[0, 0].unflatten(0, (FRAMES, -1)).square().mean(dim=1)
        speech = chunk.classes[0] > 0
        if speech.any():
            assert (power[speech] > 1e-3 * power.max()).float().mean() > 0.9
            assert power[~speech].sum() < 0.02 * power.sum()


def test_two_who_meet_inside_a_frame_do_not_make_three():
    scene = Scene(["a", "b", "c"])
    scene.active[0, :] = True
    scene.active[1, :101] = True
    scene.active[2, 101:] = True
    assert scene.active.sum(axis=0).max() == 2 and scene.active.shape == (3, CELLS)
    assert decode(scene.classes()).sum(axis=1).max() == 2


def test_unclear_clips_are_left_out():
    rng = np.random.default_rng(0)
    speech = np.concatenate([np.zeros(8000), 0.2 * rng.standard_normal(16000), np.zeros(8000)])
    regions = clear_regions(speech + 0.001 * rng.standard_normal(32000))
    np.testing.assert_allclose(regions, [[8000, 24000]], atol=320)
    assert clear_regions(speech + 0.04 * rng.standard_normal(32000)) is None
    assert clear_regions(np.zeros(32000)) is None
