//! `diarist diarize` and `diarist evaluate` as a user runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use diarist::audio::{AudioStream, DecodeOptions};
use diarist::domain::{Diarization, NoProgress, SlidingWindow, SpeakerBounds};
use diarist::formats::rttm;
use diarist::models::{self, Inference, Provider};
use diarist::pipeline::{self, EmbeddingSource, Pipeline, PipelineSettings};
use ndarray::Array2;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A network that obeys the contract but was never trained: enough wherever it does not matter who
/// is who.
fn tiny() -> PathBuf {
    root().join("tests/fixtures/golden/tiny.onnx")
}

fn diarist(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diarist"))
        .args(arguments)
        .env("DIARIST_MODEL__PROVIDER", "cpu")
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write(path: &Path, samples: impl Iterator<Item = f32>) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        writer.write_sample((sample * 32_767.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

/// Three seconds of one voice, `times` over, with half a second of silence between.
fn voice(path: &Path, times: usize) {
    let samples: ndarray::Array1<f32> =
        ndarray_npy::read_npy(root().join("tests/fixtures/golden/waveform.npy")).unwrap();
    let pause = vec![0.0; 8_000];
    let once: Vec<f32> = samples.into_iter().chain(pause).collect();
    write(path, once.repeat(times).into_iter());
}

fn pipeline(threads: usize, batch_size: usize) -> Pipeline {
    let inference = Inference::start(&models::Settings {
        path: Some(tiny()),
        provider: Provider::Cpu,
        threads,
        batch_size,
        ..models::Settings::default()
    });
    let source = EmbeddingSource::Model(inference.unwrap());
    let windows = pipeline::Settings {
        method: pipeline::Method::Windows,
        ..pipeline::Settings::default()
    };
    let settings = PipelineSettings {
        pipeline: windows,
        ..PipelineSettings::default()
    };
    Pipeline::new(settings, source)
}

fn run(pipeline: &Pipeline, file: &Path) -> Diarization {
    let audio = AudioStream::open(file, &DecodeOptions::default()).unwrap();
    pipeline
        .run(audio, SpeakerBounds::ANY, &NoProgress)
        .unwrap()
}

#[test]
fn the_output_does_not_depend_on_batches_or_threads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("voice.wav");
    voice(&file, 8);
    let expected = run(&pipeline(1, 1), &file);
    assert!(!expected.annotation.is_empty());
    for (threads, batch_size) in [(1, 1), (1, 3), (2, 8), (2, 64)] {
        let found = run(&pipeline(threads, batch_size), &file);
        let written = [&expected, &found].map(|d| rttm::write("voice", &d.annotation));
        assert_eq!(
            written[0], written[1],
            "threads {threads}, batch {batch_size}"
        );
        assert_eq!(found.labels, expected.labels);
        assert_eq!(found.windows, expected.windows);
        let apart = &found.embeddings - &expected.embeddings;
        assert!(apart.iter().all(|difference| difference.abs() < 1e-5));
    }
}

#[test]
fn silence_and_scraps_are_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = pipeline(1, 8);
    for samples in [1, 79, 80, 4_000, 24_001, 160_000] {
        let file = folder.path().join("silence.wav");
        write(&file, std::iter::repeat_n(0.0, samples));
        let found = run(&pipeline, &file);
        assert!(found.annotation.is_empty(), "{samples} samples");
        assert_eq!(found.embeddings.nrows(), 0);
        assert!((found.audio_seconds - samples as f64 / 16_000.0).abs() < 1e-9);
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    }
    // Less than a window, and a little more: somebody speaks, alone.
    let once = folder.path().join("once.wav");
    voice(&once, 1);
    let mut reader = hound::WavReader::open(&once).unwrap();
    let samples: Vec<_> = reader
        .samples::<i16>()
        .map(|s| f32::from(s.unwrap()) / 32_768.0)
        .collect();
    for seconds in [0.5, 1.0, 1.6] {
        let file = folder.path().join("scrap.wav");
        write(
            &file,
            samples.iter().copied().take((seconds * 16_000.0) as usize),
        );
        let found = run(&pipeline, &file);
        assert!(found.annotation.speakers().len() <= 1);
        for turn in found.annotation.turns() {
            assert!(turn.segment.start >= 0.0 && turn.segment.end <= seconds + 1e-9);
            assert!((0.0..=1.0).contains(&turn.confidence.unwrap()));
        }
    }
}

#[test]
fn one_bad_file_does_not_keep_the_others() {
    let folder = tempfile::tempdir().unwrap();
    voice(&folder.path().join("a.wav"), 2);
    std::fs::write(folder.path().join("bad.wav"), "no audio at all").unwrap();
    voice(&folder.path().join("c d.wav"), 1);
    let model = tiny();
    let model = model.to_str().unwrap();
    let arguments = ["diarize", "a.wav", "bad.wav", "c d.wav", "--model", model];
    let output = diarist(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("bad.wav: ") && said.contains("1 of 3 files failed"),
        "{said}"
    );
    let files = rttm::parse(&text(&output.stdout)).unwrap();
    assert_eq!(files.keys().collect::<Vec<_>>(), ["a", "c_d"]);

    let arguments = [&arguments[..], &["--output-dir", "out", "--format", "srt"]].concat();
    let output = diarist(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let mut written: Vec<_> = std::fs::read_dir(folder.path().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    assert_eq!(written, ["a.srt", "c d.srt"]);
}

#[test]
fn every_format_can_be_printed() {
    let folder = tempfile::tempdir().unwrap();
    voice(&folder.path().join("a.wav"), 2);
    let model = tiny();
    for (format, start) in [
        ("rttm", "SPEAKER a 1 0."),
        (
            "json",
            "{\n  \"diarization\": [\n    {\n      \"speaker\": \"SPEAKER_00\"",
        ),
        ("text", "SPEAKER_00  00:00:00 - 00:00:"),
        ("srt", "1\n00:00:00,"),
        ("webvtt", "WEBVTT\n\n00:00:00."),
        ("csv", "start,end,duration,speaker\r\n0."),
        ("audacity", "0."),
        ("textgrid", "File type = \"ooTextFile\"\n"),
        ("eaf", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"),
    ] {
        let arguments = ["diarize", "a.wav", "--format", format, "--model"];
        let output = diarist(
            folder.path(),
            &[&arguments[..], &[model.to_str().unwrap()]].concat(),
        );
        let printed = text(&output.stdout);
        assert!(
            printed.starts_with(start),
            "{format}:\n{printed}{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn merge_tells_who_said_what() {
    let folder = tempfile::tempdir().unwrap();
    let turns = "SPEAKER talk 1 0.0 2.0 <NA> <NA> Ann <NA> <NA>\n\
                 SPEAKER talk 1 1.5 2.5 <NA> <NA> SPEAKER_07 <NA> <NA>\n";
    std::fs::write(folder.path().join("t.rttm"), turns).unwrap();
    let words = r#"{"words": [{"word": "So?", "start": 0.5, "end": 0.9},
        {"word": "Well", "start": 2.0, "end": 2.5}, {"word": "gone", "start": 6.0, "end": 6.5}]}"#;
    std::fs::write(folder.path().join("w.json"), words).unwrap();
    let merge = |more: &[&str]| {
        let output = diarist(
            folder.path(),
            &[&["merge", "t.rttm", "w.json"], more].concat(),
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert_eq!(
        merge(&["--format", "text"]),
        "Ann: So?\nSPEAKER_07: Well\nunknown: gone\n"
    );
    assert_eq!(
        merge(&["--format", "stm"]).lines().next().unwrap(),
        "talk 1 Ann 0.500 0.900 So?"
    );
    let json: Value = serde_json::from_str(&merge(&["--format", "diarized_json"])).unwrap();
    let speakers: Vec<_> = (0..3)
        .map(|index| &json["segments"][index]["speaker"])
        .collect();
    assert_eq!(speakers, ["Ann", "A", "unknown"]);
    assert_eq!(json["words"][2]["speaker"], Value::Null);

    let output = diarist(folder.path(), &["merge", "t.rttm", "t.rttm"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("neither JSON nor CTM"), "{said}");
}

#[test]
fn wrong_counts_are_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "diarize",
        "a.wav",
        "--min-speakers",
        "4",
        "--max-speakers",
        "2",
    ];
    let output = diarist(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("given: 4 and 2"));
}

#[test]
fn embeddings_made_elsewhere_take_the_models_place() {
    let folder = tempfile::tempdir().unwrap();
    voice(&folder.path().join("a.wav"), 4);
    let windows = SlidingWindow::EMBEDDING.count(4 * 56_000);
    // The first half of the recording points one way, the second another.
    let embeddings = Array2::from_shape_fn((windows, 2), |(window, axis)| {
        if usize::from(window >= windows / 2) == axis {
            3.0_f32
        } else {
            0.0
        }
    });
    let path = folder.path().join("e.npy");
    ndarray_npy::write_npy(&path, &embeddings).unwrap();
    let arguments = ["diarize", "a.wav", "--window-embeddings", "e.npy"];
    for more in [&[][..], &["--clustering", "hdbscan"]] {
        let output = diarist(folder.path(), &[&arguments[..], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let files = rttm::parse(&text(&output.stdout)).unwrap();
        let speakers: Vec<_> = files["a"]
            .turns()
            .iter()
            .map(|t| t.speaker.to_string())
            .collect();
        assert_eq!(speakers.first().unwrap(), "SPEAKER_00");
        assert_eq!(speakers.last().unwrap(), "SPEAKER_01");
    }
    let too_few = embeddings
        .slice_axis(ndarray::Axis(0), (1..).into())
        .to_owned();
    ndarray_npy::write_npy(&path, &too_few).unwrap();
    let output = diarist(folder.path(), &arguments);
    let said = text(&output.stderr);
    let expected = format!("has {windows} windows; embeddings given: {}", windows - 1);
    assert!(said.contains(&expected), "{said}");
}

const REFERENCE: &str = "SPEAKER a 1 0.0 10.0 <NA> <NA> x <NA> <NA>\n\
                         SPEAKER b 1 0.0 10.0 <NA> <NA> x <NA> <NA>\n";
const HYPOTHESIS: &str = "SPEAKER a 1 0.0 9.0 <NA> <NA> 1 <NA> <NA>\n";

#[test]
fn evaluate_gives_a_row_per_file_and_the_ratio_of_sums() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("r.rttm"), REFERENCE).unwrap();
    std::fs::write(folder.path().join("h.rttm"), HYPOTHESIS).unwrap();
    std::fs::write(folder.path().join("u.uem"), "a 1 0 10\nb 1 0 5\n").unwrap();
    let json = |more: &[&str]| -> Value {
        let arguments = [&["evaluate", "r.rttm", "h.rttm", "--format", "json"], more].concat();
        let output = diarist(folder.path(), &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let report = json(&[]);
    assert_eq!(report["files"][0]["file"], "a");
    assert_eq!(report["files"][0]["der"], 0.1);
    assert_eq!(report["total"]["der"], 0.55);
    assert_eq!(json(&["--uem", "u.uem"])["total"]["missed"], 6.0);
    // A collar of 2 s is one second on either side, as pyannote.metrics counts.
    let collar = json(&["--collar", "2"]);
    assert_eq!(collar["files"][0]["total"], 8.0);
    let convention = collar["options"]["collarConvention"].as_str().unwrap();
    assert!(convention.contains("md-eval -c 1"), "{convention}");

    let output = diarist(folder.path(), &["evaluate", "h.rttm", "r.rttm"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("files of the hypothesis: b"));
    let table = text(&diarist(folder.path(), &["evaluate", "r.rttm", "h.rttm"]).stdout);
    assert!(
        table.lines().nth(3).unwrap().starts_with("TOTAL    55.00"),
        "{table}"
    );
}
