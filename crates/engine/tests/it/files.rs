//! Files appear whole or not at all, and go when nobody needs them.

use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};

use arrow::{
    array::{BinaryArray, RecordBatch},
    datatypes::{DataType, Field, Schema},
};
use pacioli_engine::EngineError;
use pacioli_model::{Aggregate, Cell, TableName, TableVersion, Timestamp};
use uuid::Uuid;

use crate::world::*;

const FUTURE: i64 = 99_000_000_000_000;

fn files_under(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_under(&path));
        } else {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found
}

#[tokio::test]
async fn a_load_that_fails_leaves_no_file() {
    let world = World::new();
    let schema = Arc::new(Schema::new(vec![Field::new("v", DataType::Binary, true)]));
    let (name, version) = (TableName::parse("t").unwrap(), TableVersion(Uuid::from_u128(1)));
    let mut writer = world.files.writer(company(1), &name, version, schema.clone()).unwrap();
    // More noise than is held back before a file is begun, so that there is one to be left behind.
    let mut state = 1_u64;
    let mut begun = false;
    for _ in 0..30 {
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_le_bytes()[7]
        })
        .take(8 << 20)
        .collect();
        let array = BinaryArray::from_vec(noise.chunks(1 << 20).collect());
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(array)]).unwrap();
        writer.write(&batch).await.unwrap();
        begun |= !files_under(world.folder.path()).is_empty();
        if begun {
            break;
        }
    }
    assert!(begun, "the writer held everything back");
    assert!(files_under(world.folder.path()).iter().all(|path| path.contains('#')));
    drop(writer);
    for _ in 0..100 {
        if files_under(world.folder.path()).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", files_under(world.folder.path()));
}

#[tokio::test]
async fn what_no_catalog_names_is_swept_once_it_is_old() {
    let world = World::new();
    let kept = world.load(company(1), 1, "v\n1\n").await;
    world.load(company(1), 2, "v\n2\n").await;
    world.load(company(2), 3, "v\n3\n").await;
    let staged = files_under(world.folder.path())[0].clone() + "#1";
    std::fs::write(&staged, "half").unwrap();
    let keep = HashSet::from([kept.version]);
    assert_eq!(world.files.sweep(&keep, Timestamp::from_millis(0)).await.unwrap(), 0);
    assert_eq!(files_under(world.folder.path()).len(), 4);
    assert_eq!(world.files.sweep(&keep, Timestamp::from_millis(FUTURE)).await.unwrap(), 3);
    assert_eq!(files_under(world.folder.path()).len(), 1);
    let ask = ask().measure("s", Aggregate::Sum, Some("v"));
    assert_eq!(world.run(&kept, &ask).await.unwrap().table.rows, [[Cell::Integer(1)]]);
}

#[tokio::test]
async fn a_deleted_version_is_missing_and_not_empty() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n").await;
    let ask = ask().measure("n", Aggregate::Count, None);
    for _ in 0..2 {
        world.files.delete(company(1), &entry.name, entry.version).await.unwrap();
        assert!(matches!(world.run(&entry, &ask).await, Err(EngineError::Missing)));
    }
    assert!(files_under(world.folder.path()).is_empty());
}

#[tokio::test]
async fn health_is_a_write_and_a_read() {
    let world = World::new();
    world.files.health().await.unwrap();
    let tables = world.folder.path().join("tables");
    std::fs::remove_dir_all(&tables).unwrap();
    std::fs::write(&tables, "a file where the folder was").unwrap();
    assert!(matches!(world.files.health().await, Err(EngineError::Storage { .. })));
}

#[tokio::test]
async fn decimals_are_stored_narrow_until_a_value_needs_more_digits() {
    let world = World::new();
    let small = world.load(company(1), 1, "k,v\na,1.25\nb,-2.50\nc,\n").await;
    let stored = files_under(world.folder.path());
    assert_eq!(stored.len(), 1, "{stored:?}");
    let narrow = physical_type(&stored[0], "v");
    assert_eq!(narrow, parquet::basic::Type::INT64);
    let sum = ask().measure("s", Aggregate::Sum, Some("v"));
    assert_eq!(lines(&world.run(&small, &sum).await.unwrap().table), ["-1.25"]);

    // Three batches, of which the last alone holds a value of more than 18 digits.
    let schema = pacioli_sources::source::schema(
        [(&name("v"), pacioli_model::ColumnType::Decimal { scale: 2 })].into_iter(),
    );
    let (table, version) = (TableName::parse("t").unwrap(), TableVersion(Uuid::from_u128(2)));
    let mut writer = world.files.writer(company(1), &table, version, schema.clone()).unwrap();
    for value in [125_i128, -250, 10_i128.pow(20) + 1] {
        let values = arrow::array::Decimal128Array::from(vec![Some(value), None]);
        let values = values.with_precision_and_scale(38, 2).unwrap();
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(values)]).unwrap();
        writer.write(&batch).await.unwrap();
    }
    assert_eq!(writer.finish().await.unwrap().rows, 6);
    let wide = files_under(world.folder.path());
    let wide = wide.iter().find(|path| path.contains(&version.to_string())).unwrap();
    assert_eq!(physical_type(wide, "v"), parquet::basic::Type::FIXED_LEN_BYTE_ARRAY);
    let mut entry = world.load(company(1), 3, "v\n1.25\n").await;
    (entry.version, entry.rows) = (version, 6);
    let answer = world.run(&entry, &sum).await.unwrap();
    assert_eq!(lines(&answer.table), ["999999999999999998.76"]);
}

/// How Parquet stores a column.
fn physical_type(file: &str, column: &str) -> parquet::basic::Type {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(std::fs::File::open(file).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let columns = schema.columns().iter();
    columns.into_iter().find(|one| one.name() == column).unwrap().physical_type()
}

#[tokio::test]
async fn a_file_that_goes_is_an_error_and_never_no_rows() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n").await;
    let sum = ask().measure("s", Aggregate::Sum, Some("v"));
    world.run(&entry, &sum).await.unwrap();
    for file in files_under(world.folder.path()) {
        std::fs::remove_file(file).unwrap();
    }
    let error = world.run(&entry, &sum).await.unwrap_err();
    assert!(matches!(error, EngineError::Missing), "{error:?}");
}
