//! `dθ/dt = ∇H`, `H = ⟨G, W_L ⋯ W_1⟩`: the flow of `L ≥ 3` layers near a saddle, which blows up
//! in finite time   (Jacot et al. 2021).
//!
//! On the unit sphere `H ≤ s_1 L^{−L/2}`, reached by layers of rank one, equal norms and the top
//! singular pair of `G`; there `dρ/dt = s* ρ^{L−1}`, `s* = L^{1−L/2} s_1`, for `ρ = ‖θ‖`. The
//! state is kept on the sphere beside `ln ρ`, so that nothing over- or underflows.

use super::growth::GAP;
use super::straightening::{Ends, straighten};
use super::taylor::{Column, Polynomial, Row, Series, cauchy};
use super::unmet::Unmet;
use crate::linalg::{Mat, product, svd};

/// Growth of `ρ` after which the rest is a straight way: 1e10.
const GROWTH: f64 = 23.0;
/// Growth of `ρ` after which a start that has not found the top pair never will.
const LOST: f64 = 10.0 * GROWTH;
/// `1 − H/max H` beyond which another critical ray may still be near.
const ASTRAY: f64 = 1e-2;
/// More steps times layers than a blow-up takes: each step multiplies `ρ` by about 1.4 once its direction is found.
const MOST_STEPS: usize = 10_000;

/// Layers under a constant drive `G = [[s_1, 0], [0, G_⊥]]`.
pub(super) struct Homogeneous {
    g: Mat<f64>,
    products: Option<Products>,
}

/// Series of the products in `∂H/∂W_l`, laid out for the products that they enter.
struct Products {
    /// `W_l` and `W_lᵀ`, `l = 2 … L − 1`.
    layers: Vec<Row>,
    transposed: Vec<Row>,
    /// `W_l ⋯ W_1` and their transposes, `l = 1 … L − 1`.
    prefixes: Vec<Column>,
    transposed_prefixes: Vec<Column>,
    /// `W_{l+1}ᵀ ⋯ W_Lᵀ G`, `l = L − 1 … 1`.
    suffixes: Vec<Column>,
    suffix_rows: Vec<Row>,
}

impl Products {
    fn new(layers: &[Mat<f64>], g: &Mat<f64>) -> Self {
        let (last, inputs) = (layers.len() - 1, layers[0].ncols());
        let middle = || layers[1..last].iter().map(|w| (w.nrows(), w.ncols()));
        let hidden = || layers[..last].iter().map(Mat::nrows);
        let backwards = || hidden().rev();
        Self {
            layers: middle().map(|(rows, cols)| Row::new(rows, cols)).collect(),
            transposed: middle().map(|(rows, cols)| Row::new(cols, rows)).collect(),
            prefixes: hidden().map(|n| Column::new(n, inputs)).collect(),
            transposed_prefixes: hidden().map(|n| Column::new(inputs, n)).collect(),
            suffixes: backwards().map(|n| Column::new(n, g.ncols())).collect(),
            suffix_rows: backwards().map(|n| Row::new(n, g.ncols())).collect(),
        }
    }

    /// Appends the next term of all products, which that of the layers makes; returns those of
    /// `W_{L−1} ⋯ W_1` and `W_2ᵀ ⋯ W_Lᵀ G`.
    fn extend(&mut self, layers: &[Mat<f64>], g: &Mat<f64>) -> [Mat<f64>; 2] {
        let depth = layers.len();
        let mut prefix = layers[0].clone();
        let mut suffix = product(layers[depth - 1].transpose(), g.as_ref());
        for l in 0..depth - 1 {
            if l > 0 {
                self.layers[l - 1].push(layers[l].as_ref());
                prefix = cauchy(&self.layers[l - 1], &self.prefixes[l - 1]);
                let layer = depth - 1 - l;
                self.transposed[layer - 1].push(layers[layer].transpose());
                suffix = cauchy(&self.transposed[layer - 1], &self.suffixes[l - 1]);
            }
            self.prefixes[l].push(prefix.as_ref());
            self.transposed_prefixes[l].push(prefix.transpose());
            self.suffixes[l].push(suffix.as_ref());
            self.suffix_rows[l].push(suffix.as_ref());
        }
        [prefix, suffix]
    }
}

impl Homogeneous {
    pub(super) fn new(g: Mat<f64>) -> Self {
        Self { g, products: None }
    }
}

impl Polynomial for Homogeneous {
    fn coefficient(&mut self, y: &[Vec<Mat<f64>>], k: usize) -> Vec<Mat<f64>> {
        if k == 0 {
            self.products = None;
        }
        let products = self
            .products
            .get_or_insert_with(|| Products::new(&y[0], &self.g));
        let [prefix, suffix] = products.extend(&y[k], &self.g);
        let depth = y[0].len();
        let mut out = vec![suffix];
        for l in 1..depth - 1 {
            let above = &products.suffix_rows[depth - 2 - l];
            out.push(cauchy(above, &products.transposed_prefixes[l - 1]));
        }
        out.push(product(self.g.as_ref(), prefix.transpose()));
        out
    }
}

/// Layers on their way to the blow-up, in frames whose first vectors are `v_1`, the top left
/// singular vectors of the hidden layers, and `u_1`: so the slow modes keep their own relative
/// accuracy when they are many orders of magnitude smaller.
pub(super) struct Escaping {
    flow: Homogeneous,
    /// `θ/ρ`.
    layers: Vec<Mat<f64>>,
    pub log_size: f64,
    /// Time gone by.
    pub time: f64,
    /// `t_b − time` if the rest is a straight way.
    pub rest: f64,
    /// `1 − H/max H`.
    defect: f64,
    /// Every step.
    pub path: Vec<Place>,
    /// `s_1`, `s_2`.
    pub top: [f64; 2],
    /// `W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ`, which stays, in the frames of the start.
    imbalances: Vec<Mat<f64>>,
    /// The frames of the hidden layers in those of the start.
    turned: Vec<Mat<f64>>,
}

/// How far the direction is at some size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub log_size: f64,
    /// `1 − H/max H`.
    pub defect: f64,
    /// Square of the larger tangent of the angles between `W_1ᵀ h_1`, `W_L h_{L−1}` and `v_1`, `u_1`.
    pub lean: f64,
    /// `‖A‖_F²` on the unit sphere.
    pub square: f64,
    /// Time gone by, and that of the step from here in units of `ρ^{2−L}`.
    pub time: f64,
    pub step: f64,
}

impl Escaping {
    /// `weights` are `W_1 … W_L` and `g` is `−∇C` at the saddle.
    pub(super) fn new(g: &Mat<f64>, weights: &[Mat<f64>]) -> Result<Self, Unmet> {
        let depth = weights.len();
        if depth < 3 {
            return Err(Unmet::Depth);
        }
        let fits = weights.windows(2).all(|w| w[0].nrows() == w[1].ncols());
        let ends = (weights[depth - 1].nrows(), weights[0].ncols());
        if !fits || ends != (g.nrows(), g.ncols()) {
            return Err(Unmet::Shapes);
        }
        if weights.iter().any(|w| w.nrows() == 0 || w.ncols() == 0) {
            return Err(Unmet::NoGrowth);
        }
        let pair = svd(g.as_ref()).ok_or(Unmet::NotFinite)?;
        let first = *pair.s.first().ok_or(Unmet::NoGrowth)?;
        let second = pair.s.get(1).copied().unwrap_or(0.0);
        if first <= 0.0 {
            return Err(Unmet::NoGrowth);
        }
        if first - second <= GAP * first {
            return Err(Unmet::RepeatedTop);
        }
        let (u, v) = (reflection(&pair.u), reflection(&pair.v));
        let mut layers = weights.to_vec();
        layers[0] = product(layers[0].as_ref(), v.as_ref());
        layers[depth - 1] = product(u.as_ref(), layers[depth - 1].as_ref());
        let mut escaping = Self {
            flow: Homogeneous::new(product(
                product(u.as_ref(), g.as_ref()).as_ref(),
                v.as_ref(),
            )),
            layers,
            log_size: 0.0,
            time: 0.0,
            rest: f64::INFINITY,
            defect: 1.0,
            path: Vec::new(),
            top: [first, second],
            imbalances: weights.windows(2).map(imbalance).collect(),
            turned: weights[1..].iter().map(frame).collect(),
        };
        escaping.normalise()?;
        Ok(escaping)
    }

    /// Goes on to where the rest is a straight way.
    pub(super) fn run(&mut self) -> Result<(), Unmet> {
        let start = self.log_size;
        let depth = self.layers.len() as f64;
        let fastest = self.top[0] * depth.powf(1.0 - 0.5 * depth);
        for _ in 0..MOST_STEPS / self.layers.len() {
            let series = Series::new(&mut self.flow, self.layers.clone(), fastest);
            let unit = (-(depth - 2.0) * self.log_size).exp();
            let speed = inner(&series.velocity(), &self.layers);
            self.rest = unit / ((depth - 2.0) * speed);
            self.defect = 1.0 - speed / fastest;
            self.path.push(Place {
                log_size: self.log_size,
                defect: self.defect.max(0.0),
                lean: self.lean(),
                square: self.square(),
                time: self.time,
                step: 0.0,
            });
            let grown = self.log_size - start;
            if grown > GROWTH && self.defect < ASTRAY {
                return Ok(());
            }
            if grown > LOST {
                return Err(Unmet::ZeroOverlap);
            }
            // On a ray where nothing changes the series has no terms.
            let h = series.step().min(10.0 / fastest);
            if let Some(place) = self.path.last_mut() {
                place.step = h;
            }
            self.layers = series.at(h);
            self.time += h * unit;
            self.normalise()?;
            self.turn_frames()?;
        }
        Err(Unmet::NotFound)
    }

    /// The layers of what has not escaped, in the frames' further vectors, where the leading neuron has come
    /// to `v_1` and `u_1`.
    pub(super) fn complement(&self) -> Result<Vec<Mat<f64>>, Unmet> {
        let scale = faer::Scale(self.log_size.exp());
        let mut layers = self.layers.clone();
        let last = layers.len() - 1;
        let ends = Ends {
            inputs: layers[0].transpose().to_owned(),
            outputs: layers[last].clone(),
        };
        let ends = straighten(&self.flow.g, self.top[0], ends).ok_or(Unmet::NotFinite)?;
        (layers[0], layers[last]) = (ends.inputs.transpose().to_owned(), ends.outputs);
        let corner = |w: &Mat<f64>| {
            let (rows, cols) = (w.nrows() - 1, w.ncols() - 1);
            w.submatrix(1, 1, rows, cols) * scale
        };
        Ok(layers.iter().map(corner).collect())
    }

    /// `‖M‖` over all hidden layers, `M_l` the block of the imbalance between the leading neuron and the others.
    pub(super) fn joints(&self) -> f64 {
        let square = |(imbalance, frame): (&Mat<f64>, &Mat<f64>)| {
            let image = frame.transpose() * (imbalance * frame.col(0));
            image.squared_norm_l2() - image[0] * image[0]
        };
        let pairs = self.imbalances.iter().zip(&self.turned);
        pairs.map(square).sum::<f64>().max(0.0).sqrt()
    }

    fn square(&self) -> f64 {
        let (first, rest) = (self.layers[0].clone(), &self.layers[1..]);
        rest.iter().fold(first, |a, w| w * a).squared_norm_l2()
    }

    fn lean(&self) -> f64 {
        let tangent = |first: f64, all: f64| (all / (first * first) - 1.0).max(0.0);
        let (low, high) = (&self.layers[0], &self.layers[self.layers.len() - 1]);
        let along = |x: f64, all: f64| {
            if x == 0.0 {
                f64::INFINITY
            } else {
                tangent(x, all)
            }
        };
        let inputs = along(low[(0, 0)], low.row(0).squared_norm_l2());
        inputs.max(along(high[(0, 0)], high.col(0).squared_norm_l2()))
    }

    /// `G_⊥`.
    pub(super) fn complement_drive(&self) -> Mat<f64> {
        let g = &self.flow.g;
        g.submatrix(1, 1, g.nrows() - 1, g.ncols() - 1).to_owned()
    }

    fn normalise(&mut self) -> Result<(), Unmet> {
        let largest = self
            .layers
            .iter()
            .fold(0.0, |m: f64, w| m.max(w.norm_max()));
        if !largest.is_finite() {
            return Err(Unmet::NotFinite);
        }
        if largest == 0.0 {
            return Err(Unmet::ZeroOverlap);
        }
        let squares = |w: &Mat<f64>| (w * faer::Scale(1.0 / largest)).squared_norm_l2();
        let norm = self.layers.iter().map(squares).sum::<f64>().sqrt();
        for w in &mut self.layers {
            *w = &*w * faer::Scale(1.0 / largest) * faer::Scale(1.0 / norm);
        }
        self.log_size += largest.ln() + norm.ln();
        Ok(())
    }

    fn turn_frames(&mut self) -> Result<(), Unmet> {
        for l in 0..self.layers.len() - 1 {
            let frame = svd(self.layers[l].as_ref()).ok_or(Unmet::NotFinite)?;
            let turn = reflection(&frame.u);
            self.layers[l] = product(turn.as_ref(), self.layers[l].as_ref());
            self.layers[l + 1] = product(self.layers[l + 1].as_ref(), turn.as_ref());
            self.turned[l] = product(self.turned[l].as_ref(), turn.as_ref());
        }
        Ok(())
    }
}

/// `W_2ᵀ W_2 − W_1 W_1ᵀ` of two layers in sequence.
fn imbalance(pair: &[Mat<f64>]) -> Mat<f64> {
    let (low, high) = (&pair[0], &pair[1]);
    high.transpose() * high - low * low.transpose()
}

/// The frame of a hidden layer before it is turned.
fn frame(above: &Mat<f64>) -> Mat<f64> {
    Mat::identity(above.ncols(), above.ncols())
}

/// `ln ρ` of a mode of strength `s`: `ρ² = L s^{2/L}`.
pub(super) fn log_saturation(depth: f64, s: f64) -> f64 {
    0.5 * depth.ln() + s.ln() / depth
}

/// The reflection that exchanges the unit vector in the first column and `∓e_1`.
fn reflection(vectors: &Mat<f64>) -> Mat<f64> {
    let mut w: Vec<f64> = vectors.col(0).iter().copied().collect();
    w[0] += 1f64.copysign(w[0]);
    let square: f64 = w.iter().map(|x| x * x).sum();
    Mat::from_fn(w.len(), w.len(), |i, j| {
        f64::from(u8::from(i == j)) - 2.0 * w[i] * w[j] / square
    })
}

fn inner(x: &[Mat<f64>], y: &[Mat<f64>]) -> f64 {
    let columns = |(x, y): (&Mat<f64>, &Mat<f64>)| {
        (0..x.ncols())
            .map(|j| x.col(j).transpose() * y.col(j))
            .sum::<f64>()
    };
    x.iter().zip(y).map(columns).sum()
}
