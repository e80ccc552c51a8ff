"""Resemblyzer's speaker encoder in batches: our baseline, and a teacher to distil from.

The PyPI package ``Resemblyzer`` (Apache-2.0) embeds one utterance per call. Here the
network, weights, volume normalisation and slicing are the package's own; only the
order of work differs: 1.6 s partial windows of many utterances pass through the LSTM
together, and the mel power spectrogram comes from ``torch.stft`` with librosa's filters.
``tests/test_resemblyzer.py`` holds the result equal to ``embed_utterance``'s to 1e-4.

Source: Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP 2018.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import librosa
import numpy as np
import torch
import webrtcvad
from resemblyzer import VoiceEncoder, hparams
from resemblyzer.audio import normalize_volume
from scipy.ndimage import binary_dilation

from .precision import has_bfloat16

DIM = hparams.model_embedding_size
#: What ``embed_utterance`` uses unless told otherwise.
PARTIALS_PER_SECOND, MIN_COVERAGE = 1.3, 0.75
_FFT = hparams.sampling_rate * hparams.mel_window_length // 1000
_HOP = hparams.sampling_rate * hparams.mel_window_step // 1000
_MEL = torch.from_numpy(
    librosa.filters.mel(sr=hparams.sampling_rate, n_fft=_FFT, n_mels=hparams.mel_n_channels))
_HANN = torch.hann_window(_FFT)


def voiced(wave: np.ndarray) -> np.ndarray:
    """Which samples the package's ``trim_long_silences`` keeps: booleans, of whole detector windows only.

    Where the detector hears no voice at all every sample counts as voiced; the package would
    keep none.
    """
    size = hparams.vad_window_length * hparams.sampling_rate // 1000
    wave = wave[: len(wave) - len(wave) % size]
    pcm = np.round(wave * (2**15 - 1)).clip(-(2**15), 2**15 - 1).astype("<i2").tobytes()
    vad = webrtcvad.Vad(mode=3)
    flags = np.array([vad.is_speech(pcm[i : i + 2 * size], hparams.sampling_rate)
                      for i in range(0, len(pcm), 2 * size)], dtype=float)
    width = hparams.vad_moving_average_width
    padded = np.concatenate((np.zeros((width - 1) // 2), flags, np.zeros(width // 2)))
    smooth = np.round(np.convolve(padded, np.ones(width), mode="valid") / width).astype(bool)
    mask = binary_dilation(smooth, np.ones(hparams.vad_max_silence_length + 1))
    return np.repeat(mask if mask.any() else ~mask, size)


def trim_long_silences(wave: np.ndarray) -> np.ndarray:
    """Cut pauses as the package's function of this name does, without its per-sample packing."""
    keep = voiced(wave)
    return wave[: len(keep)][keep]


def prepare(wave: np.ndarray, trim: bool) -> np.ndarray:
    """Raise the volume to -30 dBFS and, with ``trim``, cut long pauses, as ``preprocess_wav`` does.

    Trimming is off by default in this package: it costs Resemblyzer a point of EER on
    short read utterances, and the baseline should be as strong as it can be.
    """
    wave = np.asarray(wave, dtype=np.float32)
    if not np.any(wave):
        return wave
    wave = normalize_volume(wave, hparams.audio_norm_target_dBFS, increase_only=True)
    return trim_long_silences(wave) if trim and len(wave) >= _FFT * 2 else wave


def partial_mels(wave: np.ndarray, rate: float = PARTIALS_PER_SECOND) -> torch.Tensor:
    """Cut a prepared wave into mel power windows ``[partials, 160, 40]``, zero-padded at the end."""
    wave_slices, mel_slices = VoiceEncoder.compute_partial_slices(len(wave), rate, MIN_COVERAGE)
    padded = np.pad(wave, (0, max(0, wave_slices[-1].stop - len(wave))))
    spectrum = torch.stft(torch.from_numpy(padded).float(), _FFT, _HOP, window=_HANN,
                          center=True, pad_mode="constant", return_complex=True)
    mel = (_MEL @ spectrum.abs().square()).T
    return torch.stack([mel[part] for part in mel_slices])


class ResemblyzerEncoder:
    """Embeds waveforms (float32, 16 kHz, mono) as unit vectors ``[n, 256]``."""

    def __init__(self, trim: bool = False, batch: int = 512, bf16: bool = False, device: str = "cpu") -> None:
        self.trim, self.batch, self.device = trim, batch, torch.device(device)
        self.bf16 = bf16 and has_bfloat16(self.device)
        self._network = VoiceEncoder(device, verbose=False).eval()

    def __call__(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        """Embed a batch of waveforms of any lengths."""
        parts = (partial_mels(prepare(wave, self.trim)) for wave in waves)
        return np.concatenate(list(self.embed_parts(parts)) or [np.zeros((0, DIM), np.float32)])

    def embed_parts(self, parts: Iterable[torch.Tensor]) -> Iterator[np.ndarray]:
        """Embed utterances given as partial windows; yields ``[k, 256]`` blocks in order."""
        waiting: list[torch.Tensor] = []
        count = 0
        for windows in parts:
            waiting.append(windows)
            count += len(windows)
            if count >= self.batch:
                yield self._embed(waiting)
                waiting, count = [], 0
        if waiting:
            yield self._embed(waiting)

    @torch.inference_mode()
    def _embed(self, parts: list[torch.Tensor]) -> np.ndarray:
        # The package divides by the norm unguarded; pure silence would become NaN there.
        network = self._network
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            hidden = network.lstm(torch.cat(parts).to(self.device))[1][0][-1]
        raw = torch.relu(network.linear(hidden.float()))
        partial = torch.nn.functional.normalize(raw, dim=1)
        means = [block.mean(dim=0) for block in partial.split([len(part) for part in parts])]
        return torch.nn.functional.normalize(torch.stack(means), dim=1).cpu().numpy()
