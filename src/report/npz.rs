//! `weights.npz`: the final `W1 … WL` and `A`; when snapshots were recorded also `times : T` and
//! `W1_t : T × n_1 × n_0`, …. Entries carry a fixed date: the same weights give the same bytes.

use super::Report;
use npyz::{Order, WriteOptions, WriterBuilder};
use std::io::{self, Seek, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Writes the archive.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: impl Write + Seek) -> io::Result<()> {
    let mut archive = ZipWriter::new(out);
    let layers = report.final_weights.len().saturating_sub(1);
    for (k, (rows, cols, entries)) in report.final_weights.iter().enumerate() {
        let name = match k < layers {
            true => format!("W{}", k + 1),
            false => "A".to_owned(),
        };
        let shape = [*rows, *cols];
        write_array(
            &mut archive,
            &name,
            &shape,
            Order::Fortran,
            entries.iter().copied(),
        )?;
    }
    if !report.trajectory.weights.is_empty() {
        write_snapshots(report, &mut archive)?;
    }
    archive.finish()?.flush()
}

fn write_snapshots<W: Write + Seek>(report: &Report, archive: &mut ZipWriter<W>) -> io::Result<()> {
    let snapshots = &report.trajectory.weights;
    let count = snapshots.len();
    let times = report
        .trajectory
        .rows
        .iter()
        .map(|row| row.time)
        .take(count);
    write_array(archive, "times", &[count], Order::C, times)?;
    let mut offset = 0;
    for (layer, pair) in report.widths.windows(2).enumerate() {
        let (rows, cols) = (pair[1], pair[0]);
        let name = format!("W{}_t", layer + 1);
        // Packed layers are column-major; the array is row-major so that time comes first.
        let row_major = snapshots.iter().flat_map(|packed| {
            let w = &packed[offset..offset + rows * cols];
            (0..rows * cols).map(move |i| w[(i % cols) * rows + i / cols])
        });
        write_array(archive, &name, &[count, rows, cols], Order::C, row_major)?;
        offset += rows * cols;
    }
    Ok(())
}

fn write_array<W: Write + Seek>(
    archive: &mut ZipWriter<W>,
    name: &str,
    shape: &[usize],
    order: Order,
    entries: impl Iterator<Item = f64>,
) -> io::Result<()> {
    let bytes = 8 * shape.iter().product::<usize>() as u64;
    // Weights do not compress; sizes near 4 GiB need the 64-bit form of the format.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .large_file(bytes > u64::from(u32::MAX) - 4096);
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    archive.start_file(format!("{name}.npy"), options)?;
    let mut array = WriteOptions::new()
        .default_dtype()
        .shape(&shape)
        .order(order)
        .writer(archive)
        .begin_nd()?;
    array.extend(entries)?;
    array.finish()
}
