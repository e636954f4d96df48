//! The loss, its gradient and its Hessian from their definitions: `A = W_L … W_1` is linear in each
//! layer, so `∂A/∂W_l[ab]` is the product with layer `l` replaced by the matrix unit, and second
//! derivatives replace two layers.

use dlnflow::linalg::{Mat, symmetric_eigen};

/// `½ Σ M_ij (A − A*)²_ij + λ‖θ‖²` at `layers` `W_1 … W_L`.
pub struct Loss<'a> {
    pub layers: &'a [Mat<f64>],
    pub target: &'a Mat<f64>,
    pub mask: &'a Mat<f64>,
    pub l2: f64,
}

/// An entry of a layer.
type Place = (usize, usize, usize);

impl Loss<'_> {
    fn places(&self) -> Vec<Place> {
        let mut all = Vec::new();
        for (l, w) in self.layers.iter().enumerate() {
            for i in 0..w.nrows() {
                all.extend((0..w.ncols()).map(|j| (l, i, j)));
            }
        }
        all
    }

    /// `W_L … W_1` with units at some places instead of the layers there.
    pub fn product(&self, replaced: &[Place]) -> Mat<f64> {
        let n = self.layers[0].ncols();
        let mut product = Mat::<f64>::identity(n, n);
        for (l, w) in self.layers.iter().enumerate() {
            product = match replaced.iter().find(|place| place.0 == l) {
                None => w * product,
                Some(&(_, i, j)) => {
                    let mut unit = Mat::zeros(w.nrows(), w.ncols());
                    unit[(i, j)] = 1.0;
                    unit * product
                }
            };
        }
        product
    }

    fn inner(&self, a: &Mat<f64>, b: &Mat<f64>) -> f64 {
        let mut sum = 0.0;
        for i in 0..a.nrows() {
            for j in 0..a.ncols() {
                sum += self.mask[(i, j)] * a[(i, j)] * b[(i, j)];
            }
        }
        sum
    }

    pub fn value(&self) -> f64 {
        let residual = self.product(&[]) - self.target;
        let norms: f64 = self.layers.iter().map(|w| w.squared_norm_l2()).sum();
        0.5 * self.inner(&residual, &residual) + self.l2 * norms
    }

    pub fn gradient(&self) -> Vec<f64> {
        let residual = self.product(&[]) - self.target;
        let slope = |place: &Place| {
            let w = self.layers[place.0][(place.1, place.2)];
            self.inner(&residual, &self.product(&[*place])) + 2.0 * self.l2 * w
        };
        self.places().iter().map(slope).collect()
    }

    /// Eigenvalues of the Hessian in increasing order.
    pub fn spectrum(&self) -> Vec<f64> {
        let (places, residual) = (self.places(), self.product(&[]) - self.target);
        let first: Vec<Mat<f64>> = places.iter().map(|p| self.product(&[*p])).collect();
        let hessian = Mat::from_fn(places.len(), places.len(), |x, y| {
            let mut entry = self.inner(&first[x], &first[y]);
            if places[x].0 != places[y].0 {
                entry += self.inner(&residual, &self.product(&[places[x], places[y]]));
            }
            entry + if x == y { 2.0 * self.l2 } else { 0.0 }
        });
        symmetric_eigen(hessian.as_ref()).expect("finite").0
    }
}
