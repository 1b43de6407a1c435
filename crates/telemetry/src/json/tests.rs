//! Lines of values that are too long.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::subscriber::with_default;
use tracing_subscriber::prelude::*;

use super::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line that is written of this.
fn line(log: impl FnOnce()) -> Value {
    let written = Written::default();
    let writer = written.clone();
    let lines = JsonLines::to(move || writer.clone(), "nobody".to_owned());
    with_default(tracing_subscriber::registry().with(lines), log);
    serde_json::from_slice(&written.0.lock().unwrap()).unwrap()
}

#[test]
fn a_value_that_is_too_long_is_cut() {
    for character in ["x", "é", "\"", "\u{1f3ab}"] {
        for length in [LONGEST_VALUE, LONGEST_VALUE + 1, 100_000] {
            let long = character.repeat(length / character.len());
            let line = line(|| {
                let span = tracing::info_span!("outside", path = long);
                let _inside = span.enter();
                tracing::info!(text = long, shown = %long, debugged = ?long, "{long}");
            });
            for field in ["path", "text", "shown", "message"] {
                let value = line[field].as_str().unwrap();
                match value.strip_suffix('…') {
                    None => assert_eq!(value, long, "{field}"),
                    Some(begin) => {
                        assert!(long.len() > LONGEST_VALUE && long.starts_with(begin));
                        assert!((LONGEST_VALUE - 4..=LONGEST_VALUE).contains(&begin.len()));
                    }
                }
            }
            let debugged = line["debugged"].as_str().unwrap();
            assert!(debugged.len() <= LONGEST_VALUE + '…'.len_utf8());
        }
    }
}
