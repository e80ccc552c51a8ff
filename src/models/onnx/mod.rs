//! The only room that knows ONNX Runtime.

mod environment;
mod interface;
mod placement;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use half::f16;
use ndarray::{Array2, Array3};
use ort::environment::Environment;
use ort::ep::{self, ArenaExtendStrategy, cuda::ConvAlgorithmSearch};
use ort::logging::LogLevel;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{NoSelectedOutputs, RunOptions, Session};
use ort::value::{DynValue, Tensor, TensorRef};

use super::{Metadata, ModelError, Provider, Settings, locate};
use interface::Precision;
use placement::Placement;

/// The model shipped with Diarist, and the form of it that suits each provider: 8-bit arithmetic
/// on the CPU; on CUDA, which has no kernels for that, 8-bit weights and floating point.
const SHIPPED: &str = "diarist-resnet50";
const SHIPPED_FOR_CPU: &str = "int8";
const SHIPPED_FOR_CUDA: &str = "weights-int8";

/// A loaded embedding model that keeps its contract.
pub(super) struct EmbeddingSession {
    session: Session,
    input: Precision,
    output: Precision,
    /// For shapes that come again and again.
    keep_memory: RunOptions<NoSelectedOutputs>,
    /// For shapes that come once.
    free_memory: RunOptions<NoSelectedOutputs>,
    pub(super) path: PathBuf,
    pub(super) metadata: Metadata,
    /// In force: never [`Provider::Auto`].
    pub(super) provider: Provider,
    pub(super) threads: usize,
}

impl EmbeddingSession {
    /// Finds and loads ONNX Runtime and the model, and checks the model's contract.
    pub(super) fn load(settings: &Settings) -> Result<Self, ModelError> {
        let library = locate::library(settings.onnxruntime.as_deref())?;
        let environment = environment::environment(&library)?;
        let on = |provider| Self::load_on(provider, settings, &environment);
        match settings.provider {
            Provider::Cuda => on(Provider::Cuda),
            Provider::Cpu => on(Provider::Cpu),
            Provider::Auto => match on(Provider::Cuda) {
                Err(ModelError::Cuda { reason }) => {
                    tracing::info!(%reason, "no CUDA: the model runs on the CPU");
                    on(Provider::Cpu)
                }
                other => other,
            },
        }
    }

    fn load_on(
        provider: Provider,
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Self, ModelError> {
        let threads = settings.threads();
        let builder = match provider {
            Provider::Cuda => {
                options(environment, threads)
                    .and_then(with_cuda)
                    .map_err(|error| ModelError::Cuda {
                        reason: error.to_string(),
                    })?
            }
            Provider::Cpu | Provider::Auto => options(environment, threads)?,
        };
        let path = match &settings.path {
            Some(path) => path.clone(),
            None if provider == Provider::Cuda => locate::shipped_model(SHIPPED, SHIPPED_FOR_CUDA)?,
            None => locate::shipped_model(SHIPPED, SHIPPED_FOR_CPU)?,
        };
        // ONNX Runtime's own words for a file that is not there differ between platforms.
        std::fs::File::open(&path).map_err(|source| ModelError::Read {
            path: path.clone(),
            source,
        })?;
        let session = commit(builder, &path, provider)?;
        let metadata = read_metadata(&session, &path)?;
        let (input, output) = interface::check(&session, metadata.dim, &path)?;
        Ok(Self {
            session,
            input,
            output,
            keep_memory: run_options()?,
            free_memory: run_options().and_then(freeing_memory)?,
            path,
            metadata,
            provider,
            threads,
        })
    }

    /// Runs the network on `features` `(batch, frames, 80)`: its output `(batch, dim)` as it is.
    ///
    /// `once` says that the shape is not expected again, so that memory taken for it is given
    /// back.
    pub(super) fn run(
        &mut self,
        features: &Array3<f32>,
        once: bool,
    ) -> Result<Array2<f32>, ModelError> {
        let options = if once {
            &self.free_memory
        } else {
            &self.keep_memory
        };
        let outputs = match self.input {
            Precision::Single => {
                let input = TensorRef::from_array_view(features)?;
                self.session.run_with_options(ort::inputs![input], options)
            }
            Precision::Half => {
                let input = Tensor::from_array(features.mapv(f16::from_f32))?;
                self.session.run_with_options(ort::inputs![input], options)
            }
        }?;
        let (shape, values) = extract(&outputs[0], self.output)?;
        let expected = [features.shape()[0], self.metadata.dim];
        if shape != expected.map(|length| length as i64) {
            return Err(ModelError::Shape {
                path: self.path.clone(),
                what: "the output's shape".into(),
                expected: format!("{expected:?}, as the metadata key `output_dim` says"),
                given: format!("{shape:?}"),
            });
        }
        Ok(Array2::from_shape_vec(expected, values)?)
    }
}

/// Shape and values of an output, as `f32`.
fn extract(value: &DynValue, precision: Precision) -> ort::Result<(Vec<i64>, Vec<f32>)> {
    Ok(match precision {
        Precision::Single => {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            (shape.to_vec(), values.to_vec())
        }
        Precision::Half => {
            let (shape, values) = value.try_extract_tensor::<f16>()?;
            (shape.to_vec(), values.iter().map(|v| v.to_f32()).collect())
        }
    })
}

/// What every session is built with: all graph optimisations, nodes one after another, `threads`
/// threads for the work inside a node.
fn options(environment: &Environment, threads: usize) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_parallel_execution(false)?
        .with_intra_threads(threads)?;
    Ok(if saturates() {
        builder.with_precise_qmm()?
    } else {
        builder
    })
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

/// Builds the session, and logs which nodes CUDA left to the CPU.
fn commit(builder: SessionBuilder, path: &Path, provider: Provider) -> Result<Session, ModelError> {
    let placement = Arc::new(Mutex::new(Placement::default()));
    let seen = Arc::clone(&placement);
    let logger = Arc::new(
        move |level: LogLevel, _: &str, _: &str, _: &str, message: &str| match level {
            LogLevel::Verbose | LogLevel::Info => {
                let mut placement = seen.lock().unwrap_or_else(PoisonError::into_inner);
                placement.read(message);
            }
            LogLevel::Warning => tracing::warn!(target: "ort", "{message}"),
            LogLevel::Error | LogLevel::Fatal => tracing::error!(target: "ort", "{message}"),
        },
    );
    let logged = |builder: SessionBuilder| {
        ort::Result::Ok(
            builder
                .with_logger(logger)?
                .with_log_level(LogLevel::Verbose)?,
        )
    };
    let session = logged(builder)
        .and_then(|mut builder| builder.commit_from_file(path))
        .map_err(|error| match provider {
            Provider::Cuda => ModelError::Cuda {
                reason: error.to_string(),
            },
            Provider::Cpu | Provider::Auto => ModelError::Load {
                path: path.to_owned(),
                reason: error.to_string(),
            },
        })?;
    let placement = placement.lock().unwrap_or_else(PoisonError::into_inner);
    tracing::debug!(nodes = placement.summary(), "the graph is placed");
    if provider == Provider::Cuda && !placement.fallen_back().is_empty() {
        tracing::warn!(
            nodes = placement.fallen_back().join(", "),
            "these nodes have no CUDA kernel and run on the CPU"
        );
    }
    Ok(session)
}

fn read_metadata(session: &Session, path: &Path) -> Result<Metadata, ModelError> {
    let metadata = session.metadata().map_err(|error| ModelError::Load {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Metadata::parse(|key| metadata.custom(key)).map_err(|source| ModelError::Metadata {
        path: path.to_owned(),
        source,
    })
}

/// The session logs verbosely for [`Placement`]'s sake; its runs shall not.
fn run_options() -> ort::Result<RunOptions<NoSelectedOutputs>> {
    let mut options = RunOptions::new()?;
    options.set_log_level(LogLevel::Warning)?;
    Ok(options)
}

fn freeing_memory(
    mut options: RunOptions<NoSelectedOutputs>,
) -> ort::Result<RunOptions<NoSelectedOutputs>> {
    options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
    Ok(options)
}

impl From<ort::Error> for ModelError {
    fn from(error: ort::Error) -> Self {
        Self::Run {
            reason: error.to_string(),
        }
    }
}
