//! Files that a scenario names: read once, kept for the output folder, parsed into matrices.

use super::error::Complaint;
use crate::digest::sha256;
use crate::error::counted;
use crate::linalg::Mat;
use npyz::{NpyFile, Order, TypeChar};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// More entries than this in one matrix are refused: 1.6 GB of numbers.
pub(super) const MAX_ENTRIES: usize = 200_000_000;
const MAX_FILE_BYTES: u64 = 4 << 30;

/// A file that went into a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// The path in the scenario; for a warm start the folder.
    pub path: String,
    /// The file that was read.
    pub source: PathBuf,
    /// Where the copy belongs in the output folder, `inputs/NAME`.
    pub copy: String,
    /// Hexadecimal.
    pub sha256: String,
    pub bytes: Vec<u8>,
}

impl InputFile {
    /// How the resolved scenario names the copy: like `path`, a folder for a warm start.
    pub(super) fn reference(&self) -> &str {
        self.copy.strip_suffix("/weights.npz").unwrap_or(&self.copy)
    }
}

fn complain<T>(found: String, allowed: &str) -> Result<T, Complaint> {
    Err(Complaint {
        found,
        allowed: allowed.to_string(),
    })
}

/// The files of one scenario.
pub(super) struct Files<'a> {
    folder: &'a Path,
    pub read: Vec<InputFile>,
}

impl<'a> Files<'a> {
    pub fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            read: Vec::new(),
        }
    }

    /// A matrix from a `.csv` or `.npy` file.
    pub fn matrix(&mut self, path: &str) -> Result<Mat<f64>, Complaint> {
        let extension = Path::new(path).extension().and_then(|e| e.to_str());
        match extension {
            Some("csv") => parse_csv(path, self.bytes(path, path)?),
            Some("npy") => parse_npy(path, self.bytes(path, path)?),
            _ => complain(format!("found \"{path}\""), "must end in .csv or .npy"),
        }
    }

    /// A list of numbers from a matrix with one row or one column.
    pub fn list(&mut self, path: &str) -> Result<Vec<f64>, Complaint> {
        let m = self.matrix(path)?;
        if m.nrows() != 1 && m.ncols() != 1 {
            let found = format!(
                "found \"{path}\" with {} × {} entries",
                m.nrows(),
                m.ncols()
            );
            return complain(found, "must have one row or one column");
        }
        Ok(crate::linalg::to_vec(m.as_ref()))
    }

    /// `W_1 … W_L` of the given shapes from the `weights.npz` of an output folder.
    pub fn weights(
        &mut self,
        folder: &str,
        shapes: &[(usize, usize)],
    ) -> Result<Vec<Mat<f64>>, Complaint> {
        if folder.is_empty() {
            let allowed = "must be an output folder of an earlier run, \".\" for that of this file";
            return complain("found \"\"".to_string(), allowed);
        }
        let file = format!("{}/weights.npz", folder.trim_end_matches('/'));
        let bytes = self.bytes(folder, &file)?.to_vec();
        let broken = || Complaint {
            found: format!("found \"{file}\", which is not an archive of arrays"),
            allowed: "must be an output folder of an earlier run".to_string(),
        };
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| broken())?;
        // A deeper network can begin with layers of the right shapes.
        let layers = layers_in(&archive);
        if layers > 0 && layers != shapes.len() {
            let found = format!(
                "found \"{file}\" with {}",
                counted(layers, "layer", "layers")
            );
            return complain(
                found,
                &format!("must have {}, as network.widths", shapes.len()),
            );
        }
        let layer = |(index, shape): (usize, &(usize, usize))| {
            let name = format!("W{}.npy", index + 1);
            let entry = archive.by_name(&name).map_err(|_| broken())?;
            // Plain 64-bit numbers and a header: a longer entry is not read.
            let limit = (shape.0 * shape.1 * 8 + 4096) as u64;
            let mut array = Vec::new();
            entry
                .take(limit)
                .read_to_end(&mut array)
                .map_err(|_| broken())?;
            let place = format!("{file}: W{}", index + 1);
            let matrix = parse_npy(&place, &array)?;
            if (matrix.nrows(), matrix.ncols()) == *shape {
                return Ok(matrix);
            }
            let (rows, cols) = (matrix.nrows(), matrix.ncols());
            let found = format!("found \"{place}\" with {rows} × {cols} entries");
            complain(found, &format!("must be {} × {}", shape.0, shape.1))
        };
        shapes.iter().enumerate().map(layer).collect()
    }

    /// Contents of `file`, which the scenario calls `path`.
    fn bytes(&mut self, path: &str, file: &str) -> Result<&[u8], Complaint> {
        let index = match self.read.iter().position(|f| f.path == path) {
            Some(index) => index,
            None => {
                let source = self.folder.join(file);
                let bytes = read(&source).or_else(|reason| {
                    let found = format!("found \"{file}\", which {reason}");
                    complain(found, "must be a readable file")
                })?;
                self.read.push(InputFile {
                    path: path.to_string(),
                    source,
                    copy: self.copy_name(path, file != path),
                    sha256: sha256(&bytes),
                    bytes,
                });
                self.read.len() - 1
            }
        };
        Ok(&self.read[index].bytes)
    }

    /// A name in `inputs/` that no other file has, on file systems that ignore case too.
    fn copy_name(&self, path: &str, folder: bool) -> String {
        let path = PathBuf::from(path);
        let text = |part: Option<&std::ffi::OsStr>| {
            part.map_or("input".into(), |p| p.to_string_lossy().into_owned())
        };
        let (stem, extension) = if folder {
            (text(path.file_name()), "/weights.npz".to_string())
        } else {
            (
                text(path.file_stem()),
                format!(".{}", text(path.extension())),
            )
        };
        let taken = |name: &str| {
            let same = |f: &InputFile| f.copy.eq_ignore_ascii_case(name);
            self.read.iter().any(same)
        };
        let names = (1..).map(|n| match n {
            1 => format!("inputs/{stem}{extension}"),
            n => format!("inputs/{stem}_{n}{extension}"),
        });
        names
            .into_iter()
            .find(|name| !taken(name))
            .unwrap_or_default()
    }
}

/// Number of layers `W1, W2, …` in an archive.
fn layers_in(archive: &ZipArchive<Cursor<Vec<u8>>>) -> usize {
    let has = |layer: &usize| archive.index_for_name(&format!("W{layer}.npy")).is_some();
    (1..).take_while(has).count()
}

/// Why a file cannot be read, in words of users.
pub(super) fn read_failure(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_string(),
        kind => kind.to_string(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {}", read_failure(&error));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // A pipe or device might never end.
    if !metadata.is_file() {
        return Err("is not a file".to_string());
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(format!("has {} bytes", metadata.len()));
    }
    std::fs::read(path).map_err(unreadable)
}

/// Matrix rows as lines of comma-separated numbers.
fn parse_csv(path: &str, bytes: &[u8]) -> Result<Mat<f64>, Complaint> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return complain(
            format!("found \"{path}\" with bytes that are not text"),
            "must be numbers",
        );
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let row = parse_row(path, index + 1, line)?;
        if let Some(first) = rows.first()
            && first.len() != row.len()
        {
            let found = format!(
                "found \"{path}\" with {} in line {}",
                counted(row.len(), "entry", "entries"),
                index + 1
            );
            return complain(
                found,
                &format!("must have {} as the first row", first.len()),
            );
        }
        rows.push(row);
    }
    match rows.first() {
        None => complain(
            format!("found \"{path}\", which is empty"),
            "must be numbers",
        ),
        Some(first) => Ok(Mat::from_fn(rows.len(), first.len(), |i, j| rows[i][j])),
    }
}

fn parse_row(path: &str, line: usize, text: &str) -> Result<Vec<f64>, Complaint> {
    let number = |(column, field): (usize, &str)| match field.trim().parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(x),
        _ => {
            let shown: String = field.trim().chars().take(24).collect();
            let place = format!("line {line}, column {}", column + 1);
            complain(
                format!("found \"{path}\" with \"{shown}\" in {place}"),
                match field.split_whitespace().count() > 1 {
                    true => "must be numbers separated by commas (np.savetxt: delimiter=\",\")",
                    false => "must be finite numbers separated by commas",
                },
            )
        }
    };
    text.split(',').enumerate().map(number).collect()
}

/// A 2-D array (a 1-D array is one row) of `f64` or `f32`.
fn parse_npy(path: &str, bytes: &[u8]) -> Result<Mat<f64>, Complaint> {
    let fail = |what: &str| Complaint {
        found: format!("found \"{path}\" {what}"),
        allowed: "must be a 1-D array (one row) or a 2-D array of finite 32- or 64-bit floats"
            .to_string(),
    };
    if !plain_header(bytes) {
        return Err(fail("without a plain array header"));
    }
    let file = NpyFile::new(bytes).map_err(|_| fail("without a plain array header"))?;
    let (rows, cols) = match *file.shape() {
        [cols] => (1, cols as usize),
        [rows, cols] => (rows as usize, cols as usize),
        _ => return Err(fail("with another number of dimensions")),
    };
    let item = match file.dtype() {
        npyz::DType::Plain(t) if t.type_char() == TypeChar::Float => t.size_field() as usize,
        _ => return Err(fail("with entries that are not floats")),
    };
    let entries = rows.saturating_mul(cols);
    if entries == 0 || entries.saturating_mul(item) > bytes.len() {
        return Err(fail("with fewer entries than its header says"));
    }
    let order = file.order();
    let values = if item == 4 {
        let singles = file
            .into_vec::<f32>()
            .map_err(|_| fail("that cannot be read"))?;
        singles.into_iter().map(f64::from).collect()
    } else {
        file.into_vec::<f64>()
            .map_err(|_| fail("that cannot be read"))?
    };
    if let Some(index) = values.iter().position(|x: &f64| !x.is_finite()) {
        return Err(fail(&format!(
            "with {} as entry {}",
            values[index],
            index + 1
        )));
    }
    Ok(Mat::from_fn(rows, cols, |i, j| match order {
        Order::C => values[i * cols + j],
        Order::Fortran => values[j * rows + i],
    }))
}

/// Whether the header is that of a small plain array: short, not nested, a shape that cannot
/// overflow. The array reader trusts its headers, so ours are looked at first.
fn plain_header(bytes: &[u8]) -> bool {
    let (length, rest) = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, rest @ ..] => {
            (u16::from_le_bytes([*a, *b]) as usize, rest)
        }
        [
            0x93,
            b'N',
            b'U',
            b'M',
            b'P',
            b'Y',
            2 | 3,
            _,
            a,
            b,
            c,
            d,
            rest @ ..,
        ] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        _ => return false,
    };
    let header = &rest[..rest.len().min(length)];
    let brackets = header.iter().filter(|b| b"([{".contains(b)).count();
    let digits = header.iter().filter(|b| b.is_ascii_digit()).count();
    length <= 4096 && brackets <= 3 && digits <= 20
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A NumPy array of one number, in versions 1 and 2 of its format (NEP 1).
    fn array(version: u8, number: [u8; 8]) -> Vec<u8> {
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }";
        let before = if version == 1 { 10 } else { 12 };
        let length = (before + header.len() + 1).next_multiple_of(64) - before;
        let mut bytes = vec![0x93, b'N', b'U', b'M', b'P', b'Y', version, 0];
        match version {
            1 => bytes.extend((length as u16).to_le_bytes()),
            _ => bytes.extend((length as u32).to_le_bytes()),
        }
        bytes.extend(format!("{header:<width$}\n", width = length - 1).bytes());
        bytes.extend(number);
        bytes
    }

    /// The bytes of a number may be those of brackets or digits.
    #[test]
    fn numbers_are_not_read_as_part_of_the_header() {
        for version in [1, 2] {
            for number in [*b"((((((()", *b"{[({[({[", *b"12345678"] {
                let found = parse_npy("x.npy", &array(version, number)).expect("a matrix");
                assert_eq!(found[(0, 0)], f64::from_le_bytes(number));
            }
        }
    }
}
