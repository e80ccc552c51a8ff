//! The session of a segmentation model.

use std::path::PathBuf;

use ndarray::{Array2, ArrayView1};
use ort::environment::Environment;
use ort::session::{NoSelectedOutputs, RunOptions, Session};
use ort::value::TensorRef;

use super::{builder, by_provider, described, environment, interface, on_cuda, open, options};
use crate::models::{ModelError, Provider, SegmentationMetadata, Settings, locate};

/// The segmentation model shipped with Diarist.
const SHIPPED: &str = "diarist-segmentation";

/// A loaded segmentation model that keeps its contract.
pub(in crate::models) struct SegmentationSession {
    session: Session,
    options: RunOptions<NoSelectedOutputs>,
    pub(in crate::models) path: PathBuf,
    pub(in crate::models) metadata: SegmentationMetadata,
    /// Frames that a chunk has.
    pub(in crate::models) frames: usize,
}

impl SegmentationSession {
    /// Finds and loads ONNX Runtime and the model that `settings` name, or the shipped one; checks its
    /// contract, and runs it once on silence.
    pub(in crate::models) fn load(settings: &Settings) -> Result<Self, ModelError> {
        let library = locate::library(settings.onnxruntime.as_deref())?;
        let environment = environment::environment(&library)?;
        by_provider(settings.provider, |provider| {
            Self::load_on(provider, settings, &environment)
        })
    }

    fn load_on(
        provider: Provider,
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Self, ModelError> {
        let builder = builder(environment, settings, provider)?;
        let path = match &settings.segmentation {
            Some(path) => path.clone(),
            None => locate::shipped_file(SHIPPED, &format!("{SHIPPED}.onnx"))?,
        };
        let session = open(builder, provider, &path)?;
        let metadata = described(&session, &path, |lookup| {
            SegmentationMetadata::parse(lookup)
        })?;
        interface::check_segmentation(&session, &path)?;
        let mut session = Self {
            session,
            options: options::run()?,
            path,
            metadata,
            frames: 0,
        };
        let silence = vec![0.0; session.metadata.window];
        session.frames = on_cuda(provider, session.run(&silence))?.nrows();
        Ok(session)
    }

    /// Log-probabilities of the classes, `(frames, classes)`, for one chunk of samples in `[-1, 1]`.
    pub(in crate::models) fn run(&mut self, samples: &[f32]) -> Result<Array2<f32>, ModelError> {
        let input = ArrayView1::from(samples).into_shape_with_order((1, 1, samples.len()))?;
        let input = TensorRef::from_array_view(input)?;
        let outputs = self
            .session
            .run_with_options(ort::inputs![input], &self.options)?;
        let (shape, values) = outputs[0].try_extract_tensor::<f32>()?;
        let classes = self.metadata.classes;
        match **shape {
            [1, frames, own] if frames > 0 && usize::try_from(own) == Ok(classes) => {
                let frames = usize::try_from(frames).unwrap_or_default();
                Ok(Array2::from_shape_vec((frames, classes), values.to_vec())?)
            }
            _ => Err(ModelError::Shape {
                path: self.path.clone(),
                what: "the output's shape".into(),
                expected: format!("[1, frames, {classes}], as the metadata key `num_classes` says"),
                given: format!("{shape:?}"),
            }),
        }
    }
}
