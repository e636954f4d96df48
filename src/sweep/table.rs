//! A table of typed columns and its CSV form.

use std::io::{self, Write};

/// One column; an empty cell is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub cells: Cells,
}

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    Integer(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

/// Columns of equal length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
}

impl Column {
    /// A column of whole numbers.
    pub fn integer(name: &str, cells: Vec<Option<i64>>) -> Self {
        Self {
            name: name.to_owned(),
            cells: Cells::Integer(cells),
        }
    }

    /// A column of floats.
    pub fn float(name: &str, cells: Vec<Option<f64>>) -> Self {
        Self {
            name: name.to_owned(),
            cells: Cells::Float(cells),
        }
    }

    /// A column of text.
    pub fn text(name: &str, cells: Vec<Option<String>>) -> Self {
        Self {
            name: name.to_owned(),
            cells: Cells::Text(cells),
        }
    }
}

impl Cells {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Cells::Integer(cells) => cells.len(),
            Cells::Float(cells) => cells.len(),
            Cells::Text(cells) => cells.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cell in words; floats are as short as they can be read back from.
    pub fn text(&self, row: usize) -> Option<String> {
        match self {
            Cells::Integer(cells) => (*cells.get(row)?).map(|i| i.to_string()),
            Cells::Float(cells) => (*cells.get(row)?).map(|x| format!("{x:?}")),
            Cells::Text(cells) => cells.get(row)?.clone(),
        }
    }

    /// The cell as a number.
    pub fn number(&self, row: usize) -> Option<f64> {
        match self {
            Cells::Integer(cells) => (*cells.get(row)?).map(|i| i as f64),
            Cells::Float(cells) => *cells.get(row)?,
            Cells::Text(_) => None,
        }
    }
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&Cells> {
        let mut columns = self.columns.iter();
        columns.find(|c| c.name == name).map(|c| &c.cells)
    }

    /// Writes the table with a header, one row a line.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(self.columns.iter().map(|column| &column.name))?;
        for row in 0..self.rows() {
            let cells = self.columns.iter().map(|column| column.cells.text(row));
            writer.write_record(cells.map(Option::unwrap_or_default))?;
        }
        writer.flush()
    }
}
