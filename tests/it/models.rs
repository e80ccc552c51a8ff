//! Embedding models through ONNX Runtime: the contract, the inference thread, the numbers.

use std::path::{Path, PathBuf};
use std::thread;

use diarist::domain::SlidingWindow;
use diarist::dsp::{FrameWindows, MEL_BINS};
use diarist::models::{Embedder, Inference, ModelError, Provider, Settings};
use ndarray::{Array2, Array3, ArrayD, Axis};

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(path)
}

fn settings(model: &str) -> Settings {
    Settings {
        path: Some(fixture(model)),
        provider: Provider::Cpu,
        threads: 1,
        ..Settings::default()
    }
}

fn start(model: &str) -> Inference {
    Inference::start(&settings(model)).unwrap()
}

fn golden(name: &str) -> ArrayD<f32> {
    ndarray_npy::read_npy(fixture(&format!("golden/{name}.npy"))).unwrap()
}

/// Windows of noise, different from one another.
fn windows(count: usize, frames: usize) -> Array3<f32> {
    Array3::from_shape_fn((count, frames, MEL_BINS), |(window, frame, bin)| {
        let seed = (window * 7919 + frame * 104_729 + bin * 1_299_709) as f32;
        (seed * 0.618).sin() * 2.0
    })
}

fn worst(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn the_golden_embeddings_come_out() {
    let inference = start("golden/tiny.onnx");
    let features = golden("features").into_raw_vec_and_offset().0;
    let mut embedder = Embedder::new(&inference, 150);
    let mut cutter = FrameWindows::new(SlidingWindow::EMBEDDING);
    cutter.push(&features, |_, rows| embedder.push(rows).unwrap());
    let embedded = embedder.finish().unwrap();
    let expected = golden("embeddings").into_dimensionality().unwrap();
    assert!(worst(&embedded.embeddings, &expected) < 1e-4);
    assert!(embedded.seconds > 0.0);
    let description = inference.description();
    assert_eq!((description.name.as_str(), description.dim), ("tiny", 512));
    assert_eq!(description.sha256.len(), 64);
    assert_eq!(description.provider, Provider::Cpu);
}

#[test]
fn a_file_that_breaks_the_contract_is_refused_by_name_and_reason() {
    for (model, reason) in [
        ("no-framework", "the metadata key `framework` is missing"),
        (
            "sample-rate-8000",
            "the metadata key `sample_rate` must be 16000; given: 8000",
        ),
        (
            "frame-shift-20",
            "the metadata key `frame_shift_ms` must be 10; given: 20",
        ),
        (
            "output-dim-5",
            "the output `embedding` must be [batch, 5], as the metadata key `output_dim` says",
        ),
        (
            "open-output-dim-5",
            "must be [8, 5], as the metadata key `output_dim` says; given: [8, 4]",
        ),
        ("rank-2", "the input `x` must be [batch, frames, 80]"),
        ("batch-1", "batch and frames dynamic"),
    ] {
        let model = format!("models/{model}.onnx");
        let message = Inference::start(&settings(&model)).unwrap_err().to_string();
        assert!(message.contains(&model), "{message}");
        assert!(message.contains(reason), "{message}");
    }
    for (model, reason) in [
        ("golden/README.md", "cannot load the model"),
        ("models/none.onnx", "cannot read the model"),
    ] {
        let message = Inference::start(&settings(model)).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn what_the_file_leaves_open_is_accepted() {
    assert_eq!(start("models/open-output.onnx").dim(), 4);
}

#[test]
fn an_embedding_depends_neither_on_its_neighbours_nor_on_threads() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("models/diarist-resnet50/diarist-resnet50.int8.onnx");
    let models = [fixture("golden/tiny.onnx"), shipped];
    for model in models.into_iter().filter(|model| model.exists()) {
        let windows = windows(11, 150);
        let embed = |batch_size: usize, threads: usize| {
            let inference = Inference::start(&Settings {
                path: Some(model.clone()),
                provider: Provider::Cpu,
                batch_size,
                threads,
                ..Settings::default()
            });
            let inference = inference.unwrap();
            let mut embedder = Embedder::new(&inference, 150);
            for window in windows.outer_iter() {
                embedder.push(window.as_slice().unwrap()).unwrap();
            }
            embedder.finish().unwrap().embeddings
        };
        let expected = embed(8, 1);
        for (batch_size, threads) in [(8, 3), (4, 1), (16, 2), (2, 2)] {
            let same = embed(batch_size, threads) == expected;
            assert!(same, "batch size {batch_size}, {threads} threads");
        }
        // Matrix kernels for a single row may add up in another order.
        assert!(worst(&embed(1, 2), &expected) < 1e-6);
    }
}

#[test]
fn an_embedding_does_not_depend_on_whose_windows_share_its_batches() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("models/diarist-resnet50/diarist-resnet50.int8.onnx");
    let models = [fixture("golden/tiny.onnx"), shipped];
    for model in models.into_iter().filter(|model| model.exists()) {
        let inference = Inference::start(&Settings {
            path: Some(model),
            ..settings("")
        });
        let inference = inference.unwrap();
        let windows = windows(21, 150);
        let embed = |from: usize, to: usize| {
            let mut embedder = Embedder::new(&inference, 150);
            for window in windows.outer_iter().skip(from).take(to - from) {
                embedder.push(window.as_slice().unwrap()).unwrap();
            }
            embedder.finish().unwrap().embeddings
        };
        let parts = [(0, 10), (10, 13), (13, 21)];
        let alone = parts.map(|(from, to)| embed(from, to));
        let together = thread::scope(|scope| {
            let callers = parts.map(|(from, to)| scope.spawn(move || embed(from, to)));
            callers.map(|caller| caller.join().unwrap())
        });
        assert!(alone == together);
    }
}

#[test]
fn half_precision_goes_in_and_out() {
    let batch = windows(3, 150);
    let embed = |model: &str| start(model).submit(&batch).wait().unwrap().embeddings;
    let half = embed("models/half.onnx");
    assert!(worst(&half, &embed("models/sound.onnx")) < 5e-3);
    for row in half.rows() {
        assert!((row.dot(&row) - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_failing_run_is_told_to_its_caller_and_the_next_one_works() {
    let inference = start("models/only-150-frames.onnx");
    let before = inference.submit(&windows(2, 150)).wait().unwrap();
    let failed = inference.submit(&windows(2, 149)).wait();
    assert!(matches!(failed, Err(ModelError::Run { .. })), "{failed:?}");
    let after = inference.submit(&windows(2, 150)).wait().unwrap();
    assert_eq!(before.embeddings, after.embeddings);
}

#[test]
fn embeddings_that_are_no_numbers_do_not_pass() {
    let inference = start("models/not-a-number.onnx");
    let result = inference.submit(&windows(2, 150)).wait();
    assert!(matches!(result, Err(ModelError::NotADirection { row: 0 })));
}

#[test]
fn features_of_a_wrong_shape_are_refused_with_the_limit() {
    let inference = start("models/sound.onnx");
    let message =
        |features: Array3<f32>| inference.submit(&features).wait().unwrap_err().to_string();
    assert_eq!(
        message(windows(9, 150)),
        "the batch must be between 1 and 8; given: 9"
    );
    assert!(message(windows(1, 0)).starts_with("the number of frames must be between 1 and"));
    let narrow = Array3::zeros((1, 150, 40));
    assert_eq!(
        message(narrow),
        "the number of mel bins must be 80; given: 40"
    );
    let whole = Array2::zeros((Inference::MAX_WHOLE_FRAMES + 1, MEL_BINS));
    let message = inference
        .submit_whole(whole)
        .wait()
        .unwrap_err()
        .to_string();
    assert!(message.ends_with("given: 30001"), "{message}");
}

#[test]
fn many_callers_get_each_their_own() {
    let inference = start("models/sound.onnx");
    let all = windows(8, 150);
    let expected = inference.submit(&all).wait().unwrap().embeddings;
    thread::scope(|scope| {
        for (row, window) in all.outer_iter().enumerate() {
            let (inference, expected) = (inference.clone(), expected.row(row));
            scope.spawn(move || {
                let window = window.to_owned().insert_axis(Axis(0));
                for _ in 0..20 {
                    let embedded = inference.submit(&window).wait().unwrap();
                    assert_eq!(embedded.embeddings.row(0), expected);
                }
            });
        }
    });
}

#[test]
fn cuda_without_cuda_says_what_to_do_and_auto_goes_on() {
    let on = |provider| {
        Inference::start(&Settings {
            provider,
            ..settings("models/sound.onnx")
        })
    };
    match on(Provider::Cuda) {
        Ok(inference) => assert_eq!(inference.description().provider, Provider::Cuda),
        Err(error) => assert!(
            error.to_string().contains("fetch-onnxruntime.sh gpu"),
            "{error}"
        ),
    }
    assert!(on(Provider::Auto).is_ok());
}
