//! How sessions are built and run.

use ort::environment::Environment;
use ort::ep::{self, ArenaExtendStrategy, cuda::ConvAlgorithmSearch};
use ort::logging::LogLevel;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{NoSelectedOutputs, RunOptions, Session};

use crate::models::Provider;

/// What every session is built with: all graph optimisations, nodes one after another, `threads`
/// threads for the work inside a node.
pub(super) fn session(
    environment: &Environment,
    threads: usize,
    provider: Provider,
) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_parallel_execution(false)?
        .with_intra_threads(threads)?;
    let builder = if saturates() {
        builder.with_precise_qmm()?
    } else {
        builder
    };
    match provider {
        Provider::Cuda => with_cuda(builder),
        Provider::Cpu | Provider::Auto => Ok(builder),
    }
}

/// Whether sums of 8-bit products may saturate on this processor: on x86 without VNNI ONNX
/// Runtime adds pairs of them in 16 bits, unless told to be precise.
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

/// CUDA with full single precision, and convolution algorithms chosen by rule: trying all of them
/// takes seconds for every new shape.
fn with_cuda(builder: SessionBuilder) -> ort::Result<SessionBuilder> {
    let cuda = ep::CUDA::default()
        .with_tf32(false)
        .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
        .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
        .build()
        .error_on_failure();
    Ok(builder.with_execution_providers([cuda])?)
}

/// How runs are done: without the verbose log that a session keeps for the sake of
/// [`super::placement::Placement`].
pub(super) fn run() -> ort::Result<RunOptions<NoSelectedOutputs>> {
    let mut options = RunOptions::new()?;
    options.set_log_level(LogLevel::Warning)?;
    Ok(options)
}

/// The same for a shape that is not expected again: memory taken for it is given back.
pub(super) fn run_once(provider: Provider) -> ort::Result<RunOptions<NoSelectedOutputs>> {
    let arenas = match provider {
        Provider::Cuda => "cpu:0;gpu:0",
        Provider::Cpu | Provider::Auto => "cpu:0",
    };
    let mut options = run()?;
    options.set("memory.enable_memory_arena_shrinkage", arenas)?;
    Ok(options)
}
