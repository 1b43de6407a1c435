use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::subscriber::with_default;
use tracing_subscriber::prelude::*;

use super::*;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line that `log` writes.
fn line(log: impl FnOnce()) -> Value {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let lines = JsonLines::new(move || writer.clone(), "test".to_owned());
    with_default(tracing_subscriber::registry().with(lines), log);
    serde_json::from_slice(&buffer.0.lock().unwrap()).unwrap()
}

#[test]
fn a_long_value_is_cut() {
    for character in ["x", "é", "\"", "\u{1f3ab}"] {
        for length in [VALUE_LIMIT, VALUE_LIMIT + 1, 100_000] {
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
                    Some(start) => {
                        assert!(long.len() > VALUE_LIMIT && long.starts_with(start));
                        assert!((VALUE_LIMIT - 4..=VALUE_LIMIT).contains(&start.len()));
                    }
                }
            }
            let debugged = line["debugged"].as_str().unwrap();
            assert!(debugged.len() <= VALUE_LIMIT + '…'.len_utf8());
        }
    }
}
