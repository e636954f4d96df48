//! The table as a Parquet file: one row group, optional columns, no compression.

use super::table::{Cells, Column, Table};
use ::parquet::basic::{LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::{Type, TypePtr};
use std::io::Write;
use std::sync::Arc;

/// Writes the table; the same table gives the same bytes.
///
/// # Errors
/// Those of `out`.
pub fn write(table: &Table, out: impl Write + Send) -> Result<(), ParquetError> {
    let fields = table.columns.iter().map(field).collect::<Result<_, _>>()?;
    let schema = Type::group_type_builder("runs")
        .with_fields(fields)
        .build()?;
    let created = format!("dlnflow {}", env!("CARGO_PKG_VERSION"));
    let properties = WriterProperties::builder().set_created_by(created).build();
    let mut writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
    let mut rows = writer.next_row_group()?;
    for column in &table.columns {
        write_column(&column.cells, &mut rows)?;
    }
    rows.close()?;
    writer.close()?;
    Ok(())
}

fn field(column: &Column) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match column.cells {
        Cells::Integer(_) => (Physical::INT64, None),
        Cells::Float(_) => (Physical::DOUBLE, None),
        Cells::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let field = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(field))
}

fn write_column<W: Write + Send>(
    cells: &Cells,
    rows: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    match cells {
        Cells::Integer(cells) => write_cells::<Int64Type, W, _>(cells, |i| *i, rows),
        Cells::Float(cells) => write_cells::<DoubleType, W, _>(cells, |x| *x, rows),
        Cells::Text(cells) => {
            write_cells::<ByteArrayType, W, _>(cells, |s| ByteArray::from(s.as_str()), rows)
        }
    }
}

fn write_cells<D: DataType, W: Write + Send, C>(
    cells: &[Option<C>],
    value: impl Fn(&C) -> D::T,
    rows: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    let Some(mut column) = rows.next_column()? else {
        return Ok(());
    };
    let values: Vec<D::T> = cells.iter().flatten().map(value).collect();
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    column
        .typed::<D>()
        .write_batch(&values, Some(&levels), None)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;

    #[test]
    fn what_was_written_is_read_back() {
        let table = Table {
            columns: vec![
                Column::integer("run", vec![Some(1), None, Some(-3)]),
                Column::float("init.scale", vec![Some(0.1), Some(f64::MIN_POSITIVE), None]),
                Column::text(
                    "outcome",
                    vec![None, Some("é".to_owned()), Some(String::new())],
                ),
            ],
        };
        let mut file = tempfile::tempfile().expect("file");
        write(&table, &mut file).expect("written");
        let reader = SerializedFileReader::new(file).expect("a Parquet file");
        let rows = reader.get_row_iter(None).expect("rows");
        let rows: Vec<Vec<(String, Field)>> =
            rows.map(|row| row.expect("row").into_columns()).collect();
        let field = |row: usize, column: usize| rows[row][column].1.clone();
        assert_eq!(rows[0][1].0, "init.scale");
        assert_eq!(
            (field(0, 0), field(2, 0)),
            (Field::Long(1), Field::Long(-3))
        );
        assert_eq!((field(1, 0), field(2, 1)), (Field::Null, Field::Null));
        assert_eq!(
            (field(0, 1), field(1, 1)),
            (Field::Double(0.1), Field::Double(f64::MIN_POSITIVE))
        );
        assert_eq!(
            (field(0, 2), field(1, 2)),
            (Field::Null, Field::Str("é".to_owned()))
        );
        assert_eq!(field(2, 2), Field::Str(String::new()));
    }
}
