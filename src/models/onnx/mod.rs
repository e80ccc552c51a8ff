//! The only room that knows ONNX Runtime.

mod environment;
mod interface;
mod options;
mod placement;
mod segmentation;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use half::f16;
use ndarray::{Array2, Array3};
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::SessionBuilder;
use ort::session::{NoSelectedOutputs, RunOptions, Session};
use ort::value::{DynValue, Tensor, TensorRef};

use super::{Metadata, MetadataError, ModelError, Provider, Settings, locate};
use interface::Precision;
use placement::Placement;
pub(super) use segmentation::SegmentationSession;

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
    /// Finds and loads ONNX Runtime and the model, checks the model's contract, and runs it once on
    /// `probe`: the first run of a shape is the slow one, and some faults show only then.
    pub(super) fn load(settings: &Settings, probe: &Array3<f32>) -> Result<Self, ModelError> {
        let library = locate::library(settings.onnxruntime.as_deref())?;
        let environment = environment::environment(&library)?;
        by_provider(settings.provider, |provider| {
            Self::load_on(provider, settings, probe, &environment)
        })
    }

    fn load_on(
        provider: Provider,
        settings: &Settings,
        probe: &Array3<f32>,
        environment: &Environment,
    ) -> Result<Self, ModelError> {
        let builder = builder(environment, settings, provider)?;
        let path = match &settings.path {
            Some(path) => path.clone(),
            None if provider == Provider::Cuda => locate::shipped_model(SHIPPED, SHIPPED_FOR_CUDA)?,
            None => locate::shipped_model(SHIPPED, SHIPPED_FOR_CPU)?,
        };
        let session = open(builder, provider, &path)?;
        let metadata = described(&session, &path, |lookup| Metadata::parse(lookup))?;
        let (input, output) = interface::check(&session, metadata.dim, &path)?;
        let mut session = Self {
            session,
            input,
            output,
            keep_memory: options::run()?,
            free_memory: options::run_once(provider)?,
            path,
            metadata,
            provider,
            threads: settings.threads(),
        };
        on_cuda(provider, session.run(probe, false))?;
        Ok(session)
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

/// Builds the session; tells where its nodes were placed.
fn commit(
    builder: SessionBuilder,
    path: &Path,
    provider: Provider,
) -> Result<(Session, Placement), ModelError> {
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
    let placement = std::mem::take(&mut *placement.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((session, placement))
}

/// Logs where the nodes are, and loudly those that CUDA left to the CPU.
fn report(placement: &Placement, provider: Provider) {
    tracing::debug!(nodes = placement.summary(), "the graph is placed");
    if provider == Provider::Cuda && !placement.fallen_back().is_empty() {
        tracing::warn!(
            nodes = placement.fallen_back().join(", "),
            "these nodes have no CUDA kernel and run on the CPU"
        );
    }
}

/// What a model says about itself, as `parse` reads it.
fn described<T>(
    session: &Session,
    path: &Path,
    parse: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<T, MetadataError>,
) -> Result<T, ModelError> {
    let metadata = session.metadata().map_err(|error| ModelError::Load {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    parse(&|key| metadata.custom(key)).map_err(|source| ModelError::Metadata {
        path: path.to_owned(),
        source,
    })
}

/// Loads by `on` what `provider` asks for; if it leaves the choice, on CUDA or else on the CPU.
fn by_provider<T>(
    provider: Provider,
    on: impl Fn(Provider) -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    match provider {
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

/// What a session on `provider` is built with. Comes before the search for a model: which is shipped
/// depends on what works.
fn builder(
    environment: &Environment,
    settings: &Settings,
    provider: Provider,
) -> Result<SessionBuilder, ModelError> {
    let builder = options::session(environment, settings.threads(), provider);
    on_cuda(provider, builder.map_err(ModelError::from))
}

/// A session of the model at `path` on `provider`.
fn open(builder: SessionBuilder, provider: Provider, path: &Path) -> Result<Session, ModelError> {
    // ONNX Runtime's own words for a file that is not there differ between platforms.
    std::fs::File::open(path).map_err(|source| ModelError::Read {
        path: path.to_owned(),
        source,
    })?;
    let (session, placement) = commit(builder, path, provider)?;
    report(&placement, provider);
    Ok(session)
}

/// What fails to run on CUDA does not run there.
fn on_cuda<T>(provider: Provider, result: Result<T, ModelError>) -> Result<T, ModelError> {
    match result {
        Err(ModelError::Run { reason }) if provider == Provider::Cuda => Err(ModelError::Cuda {
            reason: reason.trim().to_owned(),
        }),
        other => other,
    }
}

impl From<ort::Error> for ModelError {
    fn from(error: ort::Error) -> Self {
        Self::Run {
            reason: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ONNX Runtime tells placements only in its log: should its words change, this notices.
    #[test]
    fn the_placement_of_nodes_is_found_in_the_log() {
        let environment = environment::environment(&locate::library(None).unwrap()).unwrap();
        let builder = options::session(&environment, 1, Provider::Cpu).unwrap();
        let model = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/golden/tiny.onnx"
        );
        let (_, placement) = commit(builder, Path::new(model), Provider::Cpu).unwrap();
        let summary = placement.summary();
        assert!(summary.ends_with(" on CPUExecutionProvider"), "{summary}");
        assert!(placement.fallen_back().is_empty());
    }
}
