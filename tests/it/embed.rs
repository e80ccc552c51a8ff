//! `diarist embed` as a user runs it, and against sherpa-onnx.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ndarray::Array2;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn embed(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diarist"))
        .arg("embed")
        .args(arguments)
        .args(["--output-dir", "out"])
        .env("DIARIST_MODEL__PROVIDER", "cpu")
        .current_dir(folder)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn read(path: impl AsRef<Path>) -> Array2<f32> {
    ndarray_npy::read_npy(path).unwrap()
}

/// The first seconds of the golden voice, three at most, as a WAV file.
fn voice(path: &Path, seconds: usize) {
    let samples: ndarray::Array1<f32> =
        ndarray_npy::read_npy(root().join("tests/fixtures/golden/waveform.npy")).unwrap();
    let samples = samples.iter().take(seconds * 16_000);
    write(path, samples.map(|s| (s * 32_768.0) as i16));
}

fn write(path: &Path, samples: impl Iterator<Item = i16>) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.for_each(|sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
}

/// Ours, and the toolkits' own networks (`tests/oracle/make_toolkit_models.py`).
const FIXTURES: [&str; 4] = [
    "golden/tiny.onnx",
    "models/sound.onnx",
    "models/wespeaker-resnet.onnx",
    "models/3d-speaker-campplus.onnx",
];

fn fixture(model: &str) -> String {
    let path = root().join("tests/fixtures").join(model);
    path.to_str().unwrap().to_owned()
}

/// Our models, and those of WeSpeaker and 3D-Speaker, as sherpa-onnx runs them.
#[test]
fn sherpa_onnx_gives_the_same_embedding() {
    let python = root().join(".cache/oracle/bin/python");
    if !python.exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "`make oracle` was not run"
        );
        eprintln!("SKIPPED: sherpa-onnx is not installed; `make oracle` does it");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // At lengths that its pooling does not divide, sherpa-onnx's ONNX Runtime averages CAM++'s last
    // segment over samples that are not there, and PyTorch and ours do not.
    voice(&folder.path().join("voice.wav"), 2);
    let shipped = root().join("models/diarist-resnet50");
    let models = ["int8", "weights-int8"]
        .map(|form| shipped.join(format!("diarist-resnet50.{form}.onnx")))
        .into_iter()
        .filter(|path| path.exists())
        .chain(FIXTURES.map(|m| PathBuf::from(fixture(m))));
    for model in models {
        let model = model.to_str().unwrap();
        let output = embed(folder.path(), &["voice.wav", "--model", model]);
        assert!(output.status.success(), "{}", stderr(&output));
        let ours = read(folder.path().join("out/voice.npy"));
        let oracle = Command::new(&python)
            .arg(root().join("tests/oracle/sherpa_embedding.py"))
            .args([model, "voice.wav"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(oracle.status.success(), "{}", stderr(&oracle));
        let theirs: Vec<f32> = String::from_utf8(oracle.stdout)
            .unwrap()
            .lines()
            .map(|line| line.parse().unwrap())
            .collect();
        assert_eq!(ours.dim(), (1, theirs.len()));
        let norm = theirs.iter().map(|v| v * v).sum::<f32>().sqrt();
        let tolerance = if model.ends_with(".int8.onnx") && saturates() {
            1e-2
        } else {
            1e-3
        };
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert!((ours - theirs / norm).abs() < tolerance, "{model}");
        }
    }
}

/// Whether sherpa-onnx's sums of 8-bit products may saturate here: on x86 without VNNI its ONNX
/// Runtime lets them, and ours is told not to.
fn saturates() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        !(std::arch::is_x86_feature_detected!("avx512vnni")
            || std::arch::is_x86_feature_detected!("avxvnni"))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

#[test]
fn windows_give_a_row_each_and_every_file_an_array() {
    let folder = tempfile::tempdir().unwrap();
    voice(&folder.path().join("a.wav"), 3);
    write(
        &folder.path().join("b.wav"),
        (0..8_000).map(|i| (i % 97) as i16 * 99),
    );
    let model = fixture("golden/tiny.onnx");
    let grid = ["--window", "1.5", "--step", "0.75", "--model", &model];
    let output = embed(
        folder.path(),
        &[["a.wav", "b.wav"].as_slice(), &grid].concat(),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let rows = read(folder.path().join("out/a.npy"));
    let golden = read(root().join("tests/fixtures/golden/embeddings.npy"));
    assert_eq!(rows.dim(), (3, 512));
    let worst = rows
        .iter()
        .zip(&golden)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst < 1e-4, "{worst}");
    assert_eq!(read(folder.path().join("out/b.npy")).dim(), (1, 512));
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = tempfile::tempdir().unwrap();
    voice(&folder.path().join("a.wav"), 3);
    write(&folder.path().join("tiny.wav"), std::iter::repeat_n(1, 79));
    write(
        &folder.path().join("long.wav"),
        (0..301 * 16_000).map(|i| (i % 89) as i16 * 99),
    );
    let model = fixture("golden/tiny.onnx");
    for (arguments, code, reason) in [
        (vec!["tiny.wav"], 1, "there must be at least 80 samples"),
        (
            vec!["long.wav"],
            1,
            "a whole file may be 300 s long, this one is longer: use --window",
        ),
        (vec!["a.wav", "./a.mp3"], 1, "would both be written to"),
        (
            vec!["a.wav", "--window", "0.005"],
            2,
            "seconds from 0.01 to 300",
        ),
        (vec!["a.wav", "--step", "1"], 2, "--window"),
        (vec!["none.wav"], 1, "none.wav"),
    ] {
        let output = embed(
            folder.path(),
            &[&arguments[..], &["--model", &model]].concat(),
        );
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
    let output = embed(
        folder.path(),
        &["a.wav", "--model", &fixture("models/no-framework.onnx")],
    );
    assert!(stderr(&output).contains("the metadata key `framework` is missing"));
}
