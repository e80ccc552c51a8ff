//! The inputs and outputs an embedding model must have.

use std::path::Path;

use ort::session::Session;
use ort::value::{Outlet, TensorElementType};

use crate::dsp::MEL_BINS;
use crate::models::ModelError;

/// The precision in which features go in and embeddings come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    Single,
    Half,
}

/// Checks that the session has one input `[batch, 1, samples]` in single precision.
pub(super) fn check_segmentation(session: &Session, path: &Path) -> Result<(), ModelError> {
    let single = |outlet: &Outlet| outlet.dtype().tensor_type() == Some(TensorElementType::Float32);
    match session.inputs() {
        [input] if matches!(dimensions(input)[..], [_, 1 | -1, _]) && single(input) => Ok(()),
        given => Err(ModelError::Shape {
            path: path.to_owned(),
            what: "the input".to_owned(),
            expected: "one of float32 [batch, 1, samples]".to_owned(),
            given: match given {
                [input] => input.dtype().to_string(),
                several => format!("{} inputs", several.len()),
            },
        }),
    }
}

/// Checks that the session has one input `[batch, frames, 80]` with both leading axes dynamic, and
/// that its first output is `[batch, dim]` as far as the file declares it; gives the element types
/// of the two.
pub(super) fn check(
    session: &Session,
    dim: usize,
    path: &Path,
) -> Result<(Precision, Precision), ModelError> {
    let refuse = |what: &str, expected: &str, given: String| ModelError::Shape {
        path: path.to_owned(),
        what: what.to_owned(),
        expected: expected.to_owned(),
        given,
    };
    let [input] = session.inputs() else {
        let given = session.inputs().len().to_string();
        return Err(refuse("the number of inputs", "1", given));
    };
    let [output, ..] = session.outputs() else {
        return Err(refuse("the number of outputs", "at least 1", "0".into()));
    };
    let expected = format!("[batch, frames, {MEL_BINS}], batch and frames dynamic");
    if dimensions(input) != [-1, -1, MEL_BINS as i64] {
        let what = format!("the input `{}`", input.name());
        return Err(refuse(&what, &expected, input.dtype().to_string()));
    }
    // Exporters may leave the last axis, or all of the shape, open; the warm-up settles it.
    let declared = dimensions(output);
    let fits = match declared.as_slice() {
        [] | [-1, -1] => true,
        [-1, last] => usize::try_from(*last) == Ok(dim),
        _ => false,
    };
    if !fits {
        let what = format!("the output `{}`", output.name());
        let expected =
            format!("[batch, {dim}], as the metadata key `output_dim` says, batch dynamic");
        return Err(refuse(&what, &expected, output.dtype().to_string()));
    }
    let precision = |outlet: &Outlet| match outlet.dtype().tensor_type() {
        Some(TensorElementType::Float32) => Ok(Precision::Single),
        Some(TensorElementType::Float16) => Ok(Precision::Half),
        _ => {
            let what = format!("the element type of `{}`", outlet.name());
            Err(refuse(
                &what,
                "float32 or float16",
                outlet.dtype().to_string(),
            ))
        }
    };
    Ok((precision(input)?, precision(output)?))
}

/// Declared lengths of the axes, -1 for a dynamic one; none if it is not a tensor.
fn dimensions(outlet: &Outlet) -> Vec<i64> {
    let shape = outlet.dtype().tensor_shape();
    shape.map_or_else(Vec::new, |shape| shape.iter().copied().collect())
}
