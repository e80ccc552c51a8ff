//! A file that breaks off in the middle gives the audio up to there.

use diarist::domain::Warning;

use super::{decode_bytes, fixture_bytes, source};

#[test]
fn what_came_before_the_break_is_kept_and_the_break_is_reported() {
    for name in [
        "source.wav",
        "rf64.wav",
        "wav-alaw.wav",
        "wav-adpcm-ms-sox.wav",
        "flac.flac",
        "mp3.mp3",
        "aac.aac",
        "aiff.aiff",
        "caf.caf",
        "m4a-moov-first.m4a",
        "mp4-fragmented.mp4",
        "ogg-vorbis.ogg",
        "ogg-opus.opus",
        "webm-opus.webm",
        "mkv-flac.mkv",
        "mkv-aac.mkv",
        "mkv-video.mkv",
    ] {
        let whole = fixture_bytes(name);
        // Vorbis begins with some 3 kB of code books.
        let tenths = if name.contains("vorbis") || name == "mkv-video.mkv" {
            8
        } else {
            6
        };
        let decoded = match decode_bytes(&whole[..whole.len() * tenths / 10]) {
            Ok(decoded) => decoded,
            Err(error) => panic!("{name}: {error}"),
        };
        let (least, most) = (source().len() / 10, source().len() * 9 / 10);
        let got = decoded.samples.len();
        println!("{name}: {got} samples, {:?}", decoded.warning);
        assert!((least..most).contains(&got), "{name}: {got} samples");
        assert!(
            matches!(decoded.warning, Some(Warning::Truncated { .. })),
            "{name}: {:?}",
            decoded.warning
        );
    }
}

#[test]
fn lossless_audio_is_exact_up_to_the_break() {
    for name in [
        "source.wav",
        "flac.flac",
        "aiff.aiff",
        "caf.caf",
        "mkv-pcm.mkv",
    ] {
        let whole = fixture_bytes(name);
        let decoded = decode_bytes(&whole[..whole.len() * 6 / 10]).unwrap();
        assert!(source().starts_with(&decoded.samples), "{name}");
    }
}

#[test]
fn an_index_lost_with_the_end_is_said_to_be_missing() {
    for (name, reason) in [
        ("m4a-moov-last.m4a", "moov"),
        (
            "caf-alac.caf",
            "malformed caf: the file ends before its header says",
        ),
    ] {
        let whole = fixture_bytes(name);
        let error = decode_bytes(&whole[..whole.len() * 6 / 10]).unwrap_err();
        assert_eq!(error.code(), "audio_malformed");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn damage_at_the_beginning_keeps_the_rest_in_time() {
    let whole = fixture_bytes("wav-adpcm-ima-5.1.wav");
    let mut bytes = whole.clone();
    // The first block's step, of which there are 89: ten blocks of 505 samples share its packet.
    bytes[60 + 2] = 0xff;
    let (whole, damaged) = (decode_bytes(&whole).unwrap(), decode_bytes(&bytes).unwrap());
    assert!(damaged.samples[..5_050].iter().all(|&s| s == 0.0));
    assert!(damaged.samples[5_050..] == whole.samples[5_050..]);
    assert_eq!(damaged.info, whole.info);
}

#[test]
fn damage_in_the_middle_keeps_the_rest_in_time() {
    let mut bytes = fixture_bytes("flac.flac");
    // FLAC blocks of 4096 samples carry checksums and their own position.
    let second_block = bytes.len() * 7 / 10; // behind some 8 kB of padding
    bytes[second_block..second_block + 64].fill(0x55);
    let decoded = decode_bytes(&bytes).unwrap();
    let expected = source();
    assert_eq!(decoded.samples.len(), expected.len());
    assert!(decoded.samples[..4096] == expected[..4096]);
    assert!(decoded.samples[4096..8192].iter().all(|&s| s == 0.0));
    assert!(decoded.samples[8192..] == expected[8192..]);
}
