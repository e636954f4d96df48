use super::driver::{Finished, Watch};
use super::{Options, VectorField};
pub(super) fn run(
    _field: &dyn VectorField,
    _y0: &[f64],
    _options: &Options,
    _watch: &mut Watch<'_>,
) -> Finished {
    todo!()
}
