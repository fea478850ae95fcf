//! What somebody did to the file behind the log's back.

use proptest::prelude::*;

use super::*;

/// First positions of the rows that [`four_rows`] writes.
const FIRSTS: [i64; 4] = [1, 2, 4, 5];

#[tokio::test]
async fn every_byte_of_every_cell_is_covered_and_its_row_named() {
    let folder = tempfile::tempdir().unwrap();
    let _log = four_rows(folder.path()).await;
    let mut raw = raw(folder.path());
    let mut flipped = 0;
    for first in FIRSTS {
        for column in ["first_run", "last_run", "body", "hash"] {
            let select = format!("SELECT {column} FROM segments WHERE first_seq = ?1");
            let update = format!("UPDATE segments SET {column} = ?2 WHERE first_seq = ?1");
            let Some(cell): Option<Vec<u8>> = raw.query_row(&select, [first], |row| row.get(0)).unwrap() else {
                let filled = changed(&mut raw, None, |raw| raw.execute(&update, params![first, [0_u8]]));
                assert_eq!(filled, broken(first.cast_unsigned(), Reason::Changed), "{column} of {first}");
                continue;
            };
            for (place, mask) in (0..cell.len()).flat_map(|place| [(place, 1), (place, 0x80), (place, 0xff)]) {
                let mut cell = cell.clone();
                cell[place] ^= mask;
                let found = changed(&mut raw, None, |raw| raw.execute(&update, params![first, cell]));
                assert_eq!(
                    found,
                    broken(first.cast_unsigned(), Reason::Changed),
                    "byte {place} of {column} of {first}"
                );
                flipped += 1;
            }
        }
        for bit in 0..64 {
            let found = changed(&mut raw, None, |raw| {
                raw.execute(
                    "UPDATE segments SET last_seq = ?2 WHERE first_seq = ?1",
                    [first, last(raw, first) ^ 1 << bit],
                )
            });
            assert_eq!(found, broken(first.cast_unsigned(), Reason::Changed), "bit {bit} of last_seq of {first}");
            // A row that moves is missed at its place, or seen at the one to which it moved.
            let found = changed(&mut raw, None, |raw| {
                raw.execute(
                    "UPDATE OR REPLACE segments SET first_seq = ?2 WHERE first_seq = ?1",
                    [first, first ^ 1 << bit],
                )
            });
            assert!(found.is_some_and(|found| found.seq <= first.cast_unsigned()), "bit {bit} of first_seq of {first}");
        }
    }
    assert!(flipped > 1_000, "{flipped}");
    assert_eq!(verify(&raw, None).unwrap().broken, None, "every change was undone");
}

fn last(raw: &Transaction<'_>, first: i64) -> i64 {
    raw.query_row("SELECT last_seq FROM segments WHERE first_seq = ?1", [first], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn rows_that_were_taken_moved_added_or_exchanged_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let log = four_rows(folder.path()).await;
    let head = Some(log.chain_head().unwrap().hash);
    let mut raw = raw(folder.path());
    let columns = "last_seq, first_run, last_run, body, hash";
    let swap = |set: &str| {
        format!(
            "UPDATE segments SET {set} FROM segments AS other \
             WHERE segments.first_seq + other.first_seq = 9 AND segments.first_seq IN (4, 5)"
        )
    };
    let copy = |first: i64, last: i64| {
        format!(
            "INSERT INTO segments SELECT {first}, {last}, first_run, last_run, body, hash FROM segments WHERE first_seq = 5"
        )
    };
    let table = [
        ("the first deleted", "DELETE FROM segments WHERE first_seq = 1".into(), 1, Reason::Missing { last: 1 }),
        ("one between deleted", "DELETE FROM segments WHERE first_seq = 2".into(), 2, Reason::Missing { last: 3 }),
        (
            "two between deleted",
            "DELETE FROM segments WHERE first_seq IN (2, 4)".into(),
            2,
            Reason::Missing { last: 4 },
        ),
        ("the last deleted", "DELETE FROM segments WHERE first_seq = 5".into(), 5, Reason::HeadNotFound),
        ("all deleted", "DELETE FROM segments".into(), 1, Reason::HeadNotFound),
        (
            "one deleted and the others moved up",
            "DELETE FROM segments WHERE first_seq = 4;
             UPDATE segments SET first_seq = 4, last_seq = 4 WHERE first_seq = 5"
                .into(),
            4,
            Reason::Changed,
        ),
        ("two bodies exchanged", swap("body = other.body"), 4, Reason::Changed),
        ("two rows exchanged", swap("body = other.body, hash = other.hash"), 4, Reason::Changed),
        (
            "one replaced by another",
            format!(
                "UPDATE segments SET ({columns}) = (SELECT {columns} FROM segments WHERE first_seq = 1) WHERE first_seq = 2"
            ),
            2,
            Reason::Changed,
        ),
        ("one added before all", copy(0, 0), 1, Reason::OutOfOrder),
        ("one added between", copy(3, 3), 4, Reason::OutOfOrder),
        ("one added behind all", copy(6, 6), 6, Reason::Changed),
        ("one added later", copy(8, 8), 6, Reason::Missing { last: 7 }),
        (
            "one added without a hash",
            "INSERT INTO segments VALUES (6, 6, NULL, NULL, x'', NULL)".into(),
            6,
            Reason::Unchained,
        ),
        ("a hash taken away", "UPDATE segments SET hash = NULL WHERE first_seq = 4".into(), 4, Reason::Unchained),
        ("a hash cut", "UPDATE segments SET hash = substr(hash, 1, 31) WHERE first_seq = 4".into(), 4, Reason::Changed),
        (
            "a body as text",
            "UPDATE segments SET body = CAST(body AS TEXT) WHERE first_seq = 4".into(),
            4,
            Reason::Changed,
        ),
        (
            "a hash as text",
            "UPDATE segments SET hash = CAST(hash AS TEXT) WHERE first_seq = 4".into(),
            4,
            Reason::Changed,
        ),
        ("a position as text", "UPDATE segments SET last_seq = 'x' WHERE first_seq = 4".into(), 4, Reason::Changed),
    ];
    for (what, sql, seq, reason) in table {
        let found = changed(&mut raw, head, |raw| raw.execute_batch(&sql));
        assert_eq!(found, broken(seq, reason), "{what}");
        let without = changed(&mut raw, None, |raw| raw.execute_batch(&sql));
        assert_eq!(without.is_none(), reason == Reason::HeadNotFound, "{what}, without the head");
    }
}

#[tokio::test]
async fn a_log_written_anew_with_a_chain_of_its_own_lacks_the_head_that_was_kept() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = four_rows(one.path()).await.chain_head().unwrap();
    let anew = four_rows(other.path()).await;
    assert_eq!(anew.verify(None).unwrap().broken, None);
    assert_eq!(anew.verify(Some(kept.hash)).unwrap().broken, broken(6, Reason::HeadNotFound));
}

#[tokio::test]
async fn a_byte_flipped_in_the_file_itself_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let log = four_rows(folder.path()).await;
    log.close().await;
    drop(log);
    let path = folder.path().join("events.db");
    let file = std::fs::read(&path).unwrap();
    let rows: Vec<(i64, Vec<u8>)> = raw(folder.path())
        .prepare("SELECT first_seq, body FROM segments")
        .unwrap()
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut flipped = 0;
    for (first, body) in rows {
        let begin = file.windows(body.len()).position(|window| *window == body).expect("the body is in the file");
        // With the hash, which lies behind it.
        for place in begin..begin + body.len() + 32 {
            let mut file = file.clone();
            file[place] ^= 0x10;
            std::fs::write(&path, file).unwrap();
            let found = verify(&raw(folder.path()), None).unwrap().broken;
            assert_eq!(found, broken(first.cast_unsigned(), Reason::Changed), "byte {place}");
            flipped += 1;
        }
    }
    assert!(flipped > 400, "{flipped}");
}

#[tokio::test]
async fn a_damaged_page_is_a_broken_log_and_not_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    for letter in ["a", "b", "c"] {
        log.append(event(json!(letter.repeat(40_000)))).await.unwrap();
    }
    log.close().await;
    drop(log);
    let path = folder.path().join("events.db");
    let mut file = std::fs::read(&path).unwrap();
    // A page that a row fills begins with the number of the row's next page.
    let filled = |page: &&mut [u8]| page[4..].iter().all(|byte| *byte == b'b');
    file.chunks_mut(16 << 10).find(filled).unwrap()[..4].fill(0xff);
    std::fs::write(&path, file).unwrap();
    assert_eq!(verify(&raw(folder.path()), None).unwrap().broken, broken(2, Reason::Damaged));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_flip_in_any_log_is_found_at_its_row(
        batches in proptest::collection::vec(proptest::collection::vec((any::<bool>(), ".{0,40}"), 1..6), 1..8),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_usize, any::<prop::sample::Index>(), 1..=255_u8), 20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for batch in &batches {
            let log = open(folder.path());
            for (is_run, text) in batch {
                runtime.block_on(async {
                    if *is_run {
                        log.record_run(&run(), Recording::Relaxed).await.unwrap();
                    } else {
                        log.append_relaxed(event(json!(text))).await.unwrap();
                    }
                });
            }
            runtime.block_on(log.close());
        }
        let mut raw = raw(folder.path());
        let whole = verify(&raw, None).unwrap();
        let written: usize = batches.iter().flatten().map(|(is_run, _)| 1 + usize::from(*is_run)).sum();
        prop_assert_eq!((whole.head.seq, whole.broken), (written as u64, None));
        let firsts: Vec<i64> = raw
            .prepare("SELECT first_seq FROM segments")
            .unwrap()
            .query_map((), |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for (row, column, place, mask) in flips {
            let first = *row.get(&firsts);
            let column = ["body", "hash", "first_run", "last_run"][column];
            let select = format!("SELECT coalesce({column}, x'00') FROM segments WHERE first_seq = ?1");
            let mut cell: Vec<u8> = raw.query_row(&select, [first], |row| row.get(0)).unwrap();
            let place = place.index(cell.len());
            cell[place] ^= mask;
            let update = format!("UPDATE segments SET {column} = ?2 WHERE first_seq = ?1");
            let found = changed(&mut raw, Some(whole.head.hash), |raw| raw.execute(&update, params![first, cell]));
            prop_assert_eq!(found, broken(first.cast_unsigned(), Reason::Changed));
        }
    }
}
