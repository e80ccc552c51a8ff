"""The image method against what geometry and room acoustics say."""

import numpy as np
import pytest

from diarist_training.rooms import SPEED_OF_SOUND, Room, impulse_response, random_impulse_response

ROOM = Room(size=(5.0, 4.0, 3.0), rt60=0.4, microphone=(1.0, 1.0, 1.5))


def test_direct_path_is_the_first_tap_and_first_echo_comes_from_the_nearest_wall():
    taps = impulse_response(ROOM, (3.0, 1.0, 1.5))
    assert taps[0] == 1.0
    # Mirrored at y=0: 2 m to the side twice over, so sqrt(2^2 + 2^2) metres.
    echo = round((np.hypot(2, 2) - 2) / SPEED_OF_SOUND * 16_000)
    assert not taps[1:echo].any()
    assert taps[echo] == pytest.approx(ROOM.reflection * 2 / np.hypot(2, 2), rel=1e-5)


def test_swapping_source_and_microphone_changes_nothing():
    other = Room(ROOM.size, ROOM.rt60, (4.2, 2.9, 1.1))
    np.testing.assert_allclose(impulse_response(ROOM, other.microphone),
                               impulse_response(other, ROOM.microphone), atol=1e-6)


@pytest.mark.parametrize("rt60", [0.2, 0.5])
def test_energy_decays_in_the_wanted_time(rt60):
    room = Room((6.0, 5.0, 3.0), rt60, (2.1, 1.7, 1.3))
    taps = impulse_response(room, (4.4, 3.6, 1.6), seconds=1.5 * rt60)
    decay = 10 * np.log10(np.cumsum(taps[::-1].astype(float) ** 2)[::-1] / np.sum(taps.astype(float) ** 2))
    at = [np.argmax(decay < level) / 16_000 for level in (-5, -25)]
    # Eyring assumes a diffuse field, a shoebox decays somewhat slower.
    assert 3 * (at[1] - at[0]) == pytest.approx(rt60, rel=0.35)


def test_same_seed_same_room():
    first, second = (random_impulse_response(np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_source_in_the_microphone_is_refused():
    with pytest.raises(ValueError, match="same point"):
        impulse_response(ROOM, ROOM.microphone)
