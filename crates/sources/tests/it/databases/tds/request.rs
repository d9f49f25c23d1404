//! What a client sends: MS-TDS 2.2.6.4 (LOGIN7), 2.2.6.5 (PRELOGIN), 2.2.6.6 (RPC), 2.2.6.7 (batches).

use rusqlite::types::Value;

use super::kind::from_utf16;

/// Who wants in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) application: String,
    pub(crate) database: String,
    pub(crate) is_read_only: bool,
}

impl Login {
    pub(crate) fn read(message: &[u8]) -> Self {
        let number = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
        assert_eq!(number(0) as usize, message.len(), "the length of a login");
        assert_eq!(number(4), 0x7400_0004, "TDS 7.4");
        let bytes = |place: usize| {
            let short = |at: usize| u16::from_le_bytes(message[at..at + 2].try_into().unwrap());
            let (offset, count) = (short(36 + place * 4), short(38 + place * 4));
            &message[usize::from(offset)..][..usize::from(count) * 2]
        };
        let text = |place| from_utf16(bytes(place)).unwrap();
        // Each byte was changed over its halves, and then by 0xa5.
        let plain: Vec<u8> = bytes(2).iter().map(|byte| (byte ^ 0xa5).rotate_left(4)).collect();
        Self {
            user: text(1),
            password: from_utf16(&plain).unwrap(),
            application: text(3),
            database: text(8),
            is_read_only: message[26] & 0x20 != 0,
        }
    }
}

/// What is said of encryption.
pub(crate) fn encryption(message: &[u8]) -> u8 {
    let option = message.chunks(5).find(|option| option[0] == 1).unwrap();
    message[usize::from(u16::from_be_bytes([option[1], option[2]]))]
}

/// A version, and what is said of encryption.
pub(crate) fn prelogin(encryption: u8) -> Vec<u8> {
    let head = [0, 0, 16, 0, 6, 1, 0, 22, 0, 1, 3, 0, 23, 0, 0, 0xff];
    [&head[..], &[16, 0, 0x10, 0, 0, 0], &[encryption]].concat()
}

/// The transaction that a request is in, and the rest of it.
pub(crate) fn headers(message: &[u8]) -> (u64, &[u8]) {
    let length = u32::from_le_bytes(message[..4].try_into().unwrap()) as usize;
    assert_eq!(message[8..10], [2, 0], "the header that names the transaction");
    let transaction = u64::from_le_bytes(message[10..18].try_into().unwrap());
    (transaction, &message[length..])
}

/// `sp_executesql`: the statement and its values.
pub(crate) fn execute(message: &[u8]) -> (String, Vec<Value>) {
    assert_eq!(message[..4], [0xff, 0xff, 10, 0], "sp_executesql and no other procedure");
    let mut rest = &message[6..];
    let mut values = Vec::new();
    while !rest.is_empty() {
        let name = usize::from(rest[0]);
        rest = &rest[1 + name * 2 + 1..];
        values.push(value(&mut rest));
    }
    let mut values = values.into_iter();
    let Some(Value::Text(statement)) = values.next() else { panic!("no statement") };
    let declared = values.next();
    let values: Vec<Value> = values.collect();
    let Some(Value::Text(declared)) = declared else { panic!("no declarations") };
    assert_eq!(declared.matches("@P").count(), values.len(), "{declared}");
    (statement, values)
}

/// A value behind its type: `bigint`, `nvarchar` or `varbinary`.
fn value(rest: &mut &[u8]) -> Value {
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at(count);
        *rest = left;
        taken
    };
    match take(1)[0] {
        0x26 => {
            let width = usize::from(take(1)[0]);
            assert_eq!(usize::from(take(1)[0]), width, "no nulls are sent");
            let mut bytes = [0; 8];
            bytes[..width].copy_from_slice(take(width));
            Value::Integer(i64::from_le_bytes(bytes))
        }
        kind @ (0xe7 | 0xa5) => {
            let most = u16::from_le_bytes(take(2).try_into().unwrap());
            if kind == 0xe7 {
                take(5);
            }
            let mut bytes = Vec::new();
            if most == 0xffff {
                take(8);
                loop {
                    let chunk = u32::from_le_bytes(take(4).try_into().unwrap()) as usize;
                    if chunk == 0 {
                        break;
                    }
                    bytes.extend(take(chunk));
                }
            } else {
                let length = u16::from_le_bytes(take(2).try_into().unwrap());
                bytes.extend(take(usize::from(length)));
            }
            if kind == 0xa5 { Value::Blob(bytes) } else { Value::Text(from_utf16(&bytes).unwrap()) }
        }
        other => panic!("nobody sends a value of the type {other:#x}"),
    }
}
