//! What building a problem carries along: the scenario, its files and every mistake found so far.

use super::document::Document;
use super::error::{Complaint, InputError};
use super::files::{Files, MAX_ENTRIES};
use super::load::Scenario;
use super::schema::{Matrix, Numbers, ScenarioSpec};
use crate::error::counted;
use crate::linalg::Mat;
use crate::model::draws::{Stream, gaussian, with_singular_values};

/// The shape that a matrix must have; `cols: None` for any number of columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub rows: usize,
    pub cols: Option<usize>,
    /// The shape in symbols, `n_L × n_0`.
    pub symbols: &'static str,
}

impl Shape {
    pub fn new(rows: usize, cols: usize, symbols: &'static str) -> Self {
        Self {
            rows,
            cols: Some(cols),
            symbols,
        }
    }

    fn admits(&self, rows: usize, cols: usize) -> bool {
        self.rows == rows && self.cols.is_none_or(|c| c == cols)
    }

    fn phrase(&self) -> String {
        match self.cols {
            Some(cols) => format!("must be {} × {cols} ({})", self.rows, self.symbols),
            None => format!("must have {} rows ({})", self.rows, self.symbols),
        }
    }
}

pub(super) struct Context<'a> {
    pub spec: &'a ScenarioSpec,
    pub document: &'a Document,
    pub files: Files<'a>,
    pub errors: Vec<InputError>,
}

impl<'a> Context<'a> {
    pub fn new(scenario: &'a Scenario) -> Self {
        Self {
            spec: &scenario.spec,
            document: &scenario.document,
            files: Files::new(&scenario.folder),
            errors: Vec::new(),
        }
    }

    /// Notes that what is written at `key` is not allowed.
    pub fn wrong(&mut self, key: &str, allowed: impl Into<String>) {
        let error = self.document.error(key, None, allowed.into());
        self.errors.push(error);
    }

    /// Notes a mistake at `key` in words: `found …`.
    pub fn found(&mut self, key: &str, found: impl Into<String>, allowed: impl Into<String>) {
        let error = self.document.error(key, Some(found.into()), allowed.into());
        self.errors.push(error);
    }

    /// A result, or a note at `key` of why there is none.
    pub fn accept<T>(&mut self, key: &str, result: Result<T, Complaint>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(complaint) => {
                self.found(key, complaint.found, complaint.allowed);
                None
            }
        }
    }

    /// The matrix written at `key`; draws come from streams that begin with `draw`.
    pub fn matrix(
        &mut self,
        key: &str,
        matrix: &Matrix,
        shape: Shape,
        draw: &str,
    ) -> Option<Mat<f64>> {
        match matrix {
            Matrix::Rows(rows) => self.rows(&format!("{key}.rows"), rows, shape),
            Matrix::Diagonal(d) => {
                let key = format!("{key}.diagonal");
                let (rows, cols) = self.leading(&key, d.len(), shape)?;
                Some(Mat::from_fn(rows, cols, |i, j| {
                    if i == j {
                        d.get(i).copied().unwrap_or(0.0)
                    } else {
                        0.0
                    }
                }))
            }
            Matrix::SingularValues(s) => {
                let key = format!("{key}.singular_values");
                let (rows, cols) = self.leading(&key, s.len(), shape)?;
                Some(with_singular_values(rows, cols, s, self.spec.seed, draw))
            }
            Matrix::Gaussian(std) => {
                let (rows, cols) = self.size(&format!("{key}.gaussian"), shape)?;
                Some(gaussian(
                    rows,
                    cols,
                    *std,
                    &mut Stream::new(self.spec.seed, draw),
                ))
            }
            Matrix::File(path) => self.file(&format!("{key}.file"), path, shape),
        }
    }

    /// A matrix from rows, which must have the right shape.
    pub fn rows(&mut self, key: &str, rows: &[Vec<f64>], shape: Shape) -> Option<Mat<f64>> {
        let cols = rows.first().map_or(0, Vec::len);
        if let Some(ragged) = rows.iter().position(|row| row.len() != cols) {
            let found = format!("found {}", counted(rows[ragged].len(), "entry", "entries"));
            self.found(
                &format!("{key}[{ragged}]"),
                found,
                format!("must have {cols} as the first row"),
            );
            return None;
        }
        if cols == 0 || !shape.admits(rows.len(), cols) {
            let found = format!("found {} × {cols} entries", rows.len());
            self.found(key, found, shape.phrase());
            return None;
        }
        Some(Mat::from_fn(rows.len(), cols, |i, j| rows[i][j]))
    }

    /// A matrix from a file, which must have the right shape.
    pub fn file(&mut self, key: &str, path: &str, shape: Shape) -> Option<Mat<f64>> {
        let read = self.files.matrix(path);
        let matrix = self.accept(key, read)?;
        let (rows, cols) = (matrix.nrows(), matrix.ncols());
        if !shape.admits(rows, cols) {
            let found = format!("found \"{path}\" with {rows} × {cols} entries");
            self.found(key, found, shape.phrase());
            return None;
        }
        Some(matrix)
    }

    /// A list of numbers, written or read.
    pub fn numbers(&mut self, key: &str, numbers: &Numbers) -> Option<Vec<f64>> {
        match numbers {
            Numbers::List(list) => Some(list.clone()),
            Numbers::File { file } => {
                let read = self.files.list(file);
                self.accept(&format!("{key}.file"), read)
            }
        }
    }

    /// Rows and columns for a matrix given by `count` leading values.
    fn leading(&mut self, key: &str, count: usize, shape: Shape) -> Option<(usize, usize)> {
        let (rows, cols) = self.size(key, shape)?;
        let most = rows.min(cols);
        if count > most {
            let symbols = shape.symbols;
            let allowed =
                format!("must have at most {most} for a {rows} × {cols} matrix ({symbols})");
            let found = format!("found {}", counted(count, "value", "values"));
            self.found(key, found, allowed);
            return None;
        }
        Some((rows, cols))
    }

    /// Rows and columns of a matrix that is made, not read.
    fn size(&mut self, key: &str, shape: Shape) -> Option<(usize, usize)> {
        let Some(cols) = shape.cols else {
            self.wrong(
                key,
                "must stand beside samples, which says how many columns there are",
            );
            return None;
        };
        if shape.rows.saturating_mul(cols) > MAX_ENTRIES {
            let allowed = format!("must make a matrix of at most {MAX_ENTRIES} entries");
            self.found(
                key,
                format!("found {} × {cols} entries", shape.rows),
                allowed,
            );
            return None;
        }
        Some((shape.rows, cols))
    }
}
