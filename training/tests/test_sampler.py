"""Balance and reproducibility of the batches; the pack they are cut from."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from diarist_training.manifest import Utterance, write_manifest
from diarist_training.pack import Pack, write_pack
from diarist_training.sampler import BalancedSampler, Batch, Cropper

RATE = 1000


def tiny_pack(seconds: list[list[float]]) -> SimpleNamespace:
    """Speaker i has clips of `seconds[i]`; every sample of a clip is the clip's number."""
    length = np.array([int(s * RATE) for clips in seconds for s in clips])
    owner = np.repeat(np.arange(len(seconds)), [len(clips) for clips in seconds])
    speech = np.repeat(np.arange(len(length)), length).astype(np.int16)
    offset = np.cumsum(length) - length
    return SimpleNamespace(speech=speech, offset=offset, speaker=np.array([f"s{o}" for o in owner]), length=length,
                           clips_of=lambda split: np.arange(len(length)))


def sampler(pack, **changes) -> BalancedSampler:
    options = dict(split="train", seed=3, speakers_per_batch=2, crops_per_speaker=2, cap_seconds=60.0, balance=0.5,
                   sample_rate=RATE) | changes
    return BalancedSampler(pack, **options)


def counts(drawn: BalancedSampler, batches: int) -> np.ndarray:
    speakers = np.concatenate([np.unique(drawn.batch(step, 500).speaker) for step in range(batches)])
    return np.bincount(speakers, minlength=len(drawn.names)) / batches


def test_speakers_follow_the_root_of_their_capped_speech() -> None:
    pack = tiny_pack([[4.0], [8.0, 8.0], [36.0], [400.0]])  # weights 2, 4, 6, and 10 at a cap of 100 s
    share = counts(sampler(pack, speakers_per_batch=1, cap_seconds=100.0), 4000)
    assert np.allclose(share, np.array([2, 4, 6, 10]) / 22, atol=0.03)


def test_zero_balance_draws_all_alike() -> None:
    share = counts(sampler(tiny_pack([[1.0], [100.0], [3.0]]), speakers_per_batch=1, balance=0.0), 3000)
    assert np.allclose(share, 1 / 3, atol=0.03)


def test_a_batch_holds_different_speakers_each_with_its_crops() -> None:
    drawn = sampler(tiny_pack([[2.0, 2.0]] * 6), speakers_per_batch=4, crops_per_speaker=2)
    batch = drawn.batch(0, 500)
    assert sorted(np.bincount(batch.speaker, minlength=6)) == [0, 0, 2, 2, 2, 2]
    assert len(set(batch.clip)) == 8, "two crops of a speaker come from different clips where there are two"
    samples = Cropper(drawn.pack, torch.device("cpu"))(batch, 500) * 32768
    assert samples.shape == (8, 500)
    assert (samples.numpy() == batch.clip[:, None]).all(), "a crop comes from the clip it names"
    assert all(batch.clip[i] // 2 == batch.speaker[i] for i in range(8))


def test_seed_and_step_decide() -> None:
    pack = tiny_pack([[5.0, 2.0]] * 5)
    one, same, later, other = (sampler(pack, seed=seed).batch(step, 300) for seed, step in ((3, 7), (3, 7), (3, 8), (4, 7)))
    assert (one.start == same.start).all() and (one.clip == same.clip).all()
    assert any((one.clip != b.clip).any() for b in (later, other))


def test_held_out_speakers_are_never_drawn() -> None:
    drawn = sampler(tiny_pack([[5.0]] * 4), held_out=frozenset({"s1"}))
    assert list(drawn.names) == ["s0", "s2", "s3"]
    assert all(1 not in drawn.batch(step, 300).clip for step in range(50))


def test_too_large_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="at most the 3 speakers of split train; given: 4"):
        sampler(tiny_pack([[5.0]] * 3), speakers_per_batch=4)


def test_short_clips_are_repeated() -> None:
    pack = SimpleNamespace(speech=np.arange(20, dtype=np.int16), offset=np.array([5]), length=np.array([3]))
    batch = Batch(np.array([0]), np.array([0]), np.array([1]), np.array([1.0]))
    piece = Cropper(pack, torch.device("cpu"))(batch, 8)[0] * 32768
    assert piece.tolist() == [6, 7, 5, 6, 7, 5, 6, 7]


def test_a_faster_crop_is_interpolated() -> None:
    pack = SimpleNamespace(speech=np.arange(0, 800, 10, dtype=np.int16), offset=np.array([5]), length=np.array([70]))
    batch = Batch(*np.array([[0, 0], [0, 0], [1, 69]]), np.array([1.25, 1.0]))
    fast, plain = Cropper(pack, torch.device("cpu"))(batch, 4) * 32768
    assert np.allclose(fast, [60, 72.5, 85, 97.5]) and plain.tolist() == [740, 50, 60, 70]


def test_a_speed_makes_another_class_of_each_speaker() -> None:
    drawn = sampler(tiny_pack([[4.0], [3.0, 3.0]]), speakers_per_batch=6, speeds=(1.0, 0.9, 1.1))
    batch = drawn.batch(0, 500)
    assert sorted(set(batch.speaker)) == list(range(6))
    assert all(drawn.speeds[c // 2] == s for c, s in zip(batch.speaker, batch.speed, strict=True))
    assert all((clip > 0) == (c % 2) for c, clip in zip(batch.speaker, batch.clip, strict=True)), "clips of the speaker it was"
    with pytest.raises(ValueError, match="speeds must begin with 1"):
        sampler(tiny_pack([[5.0]] * 3), speeds=(0.9, 1.0))


def test_clips_are_drawn_by_their_share_of_the_speech() -> None:
    drawn = sampler(tiny_pack([[1.0, 2.0, 5.0], [1.0]]), crops_per_speaker=1)
    clips = np.concatenate([drawn.batch(step, 500).clip for step in range(3000)])
    assert np.allclose(np.bincount(clips[clips < 3]) / 3000, np.array([1, 2, 5]) / 8, atol=0.03)


@pytest.mark.parametrize("length", [2_000, 1_999, 2_001, 700])
def test_crops_stay_inside_their_clip(length: int) -> None:
    drawn = sampler(tiny_pack([[2.0]] * 4))
    starts = np.concatenate([drawn.batch(step, length).start for step in range(400)])
    assert starts.min() <= 20 and starts.max() <= (2_000 - length if length <= 2_000 else 1_999)
    if length == 700:
        assert starts.max() > 1_250, "the whole clip is used"


def test_pack_trims_reports_and_keeps_the_samples(tmp_path) -> None:
    loud = 0.5 * np.sin(np.arange(16_000) * 0.2)
    soundfile.write(tmp_path / "good.wav", np.concatenate([np.zeros(16_000), loud, np.zeros(16_000)]), 16_000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    (tmp_path / "broken.wav").write_bytes(b"RIFF nonsense")
    names = ["good.wav", "silent.wav", "broken.wav"]
    write_manifest(tmp_path / "manifest.tsv", [Utterance(name, "s", "train", "c") for name in names])
    dropped = write_pack(tmp_path / "manifest.tsv", None, tmp_path / "pack", workers=1)
    assert len(dropped) == 2 and "silent.wav: shorter than 0.5 s" in dropped[0] and "broken.wav" in dropped[1]
    pack = Pack.open(tmp_path / "pack")
    assert list(pack.path) == ["good.wav"] and 16_000 <= pack.length[0] <= 16_000 + 2 * 1_920
    start = 1_600  # what stays of the silence before
    assert np.abs(pack.samples(0)[start: start + 16_000] / 32767 - loud).max() < 1e-4
