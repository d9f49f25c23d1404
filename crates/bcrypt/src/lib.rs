//! bcrypt (Provos and Mazières, 1999), several passwords at a time on one core.
//!
//! One bcrypt waits for memory most of its time: each of its steps needs the result of the step
//! before to know where to read next. [`bcrypt`] interleaves the steps of up to four passwords,
//! so that a core works on one while it waits for another. Measured on an AMD EPYC at cost 10, in CPU
//! time: the `bcrypt` crate 54 ms, libxcrypt 45 ms, this 47 ms for one password, 48 ms for two at
//! once, 55 ms for four: 3.3 times libxcrypt's passwords per second. It is tested against the crate.
//!
//! It is a crate of its own so that it can be optimised in debug builds too: a login would otherwise
//! take seconds in tests.

mod pi;

use pi::{BOXES, ROUND_KEYS};

/// What bcrypt encrypts with the state it has made.
const TEXT: &[u8; 24] = b"OrpheanBeholderScryDoubt";

/// Bytes of a password that count, with the NUL that ends it.
const KEY_BYTES: usize = 72;

/// One password on its way.
#[derive(Debug, Clone, Copy)]
pub struct Lane<'a> {
    /// 16 random bytes.
    pub salt: [u8; 16],
    /// The password. Bytes after the 72nd do not count, and a NUL cannot be told from the NUL that
    /// bcrypt itself adds: see that neither occurs.
    pub password: &'a [u8],
}

struct Blowfish {
    keys: [u32; 18],
    boxes: [[u32; 256]; 4],
}

/// The two halves that each lane encrypts.
type Halves<const N: usize> = [(u32, u32); N];

/// As many passwords as are worked on at once. More would gain little: their state has to fit into
/// the core's nearest memory.
pub const LANES: usize = 4;

/// The 23 bytes that a bcrypt text holds after its salt, for each lane, after `2^cost` rounds.
///
/// # Panics
/// When `cost` is more than 31.
#[must_use]
pub fn bcrypt(cost: u32, lanes: &[Lane<'_>]) -> Vec<[u8; 23]> {
    // Not generic for its callers: it would be compiled in their crate, without this one's
    // optimisation.
    let hash = |lanes: &[Lane<'_>]| match *lanes {
        [a] => together(cost, [a]).to_vec(),
        [a, b] => together(cost, [a, b]).to_vec(),
        [a, b, c] => together(cost, [a, b, c]).to_vec(),
        [a, b, c, d] => together(cost, [a, b, c, d]).to_vec(),
        _ => Vec::new(),
    };
    lanes.chunks(LANES).flat_map(hash).collect()
}

fn together<const N: usize>(cost: u32, lanes: [Lane<'_>; N]) -> [[u8; 23]; N] {
    assert!(cost < 32, "bcrypt's cost is at most 31");
    let keys = lanes.map(|lane| key_words(lane.password));
    let salts = lanes.map(|lane| words(lane.salt.iter().copied().cycle()));
    // On the heap: four kilobytes for each lane.
    let mut states: Box<[Blowfish; N]> =
        Box::new(std::array::from_fn(|_| Blowfish { keys: ROUND_KEYS, boxes: BOXES }));
    expand(&mut states, &keys, Some(&salts));
    for _ in 0..1_u64 << cost {
        expand(&mut states, &keys, None);
        expand(&mut states, &salts, None);
    }
    encrypt_text(&states)
}

/// As many words as there are round keys.
fn words(mut bytes: impl Iterator<Item = u8>) -> [u32; 18] {
    std::array::from_fn(|_| {
        bytes.by_ref().take(4).fold(0, |word, byte| (word << 8) | u32::from(byte))
    })
}

/// The password with its NUL, over and over.
fn key_words(password: &[u8]) -> [u32; 18] {
    let ended = password.iter().copied().chain([0]);
    words(ended.take(KEY_BYTES).cycle())
}

/// Replaces round keys and boxes by what they encrypt: first `material` is mixed into the round
/// keys, then the state encrypts its own last output, with the salt mixed into it where it is given.
#[inline]
fn expand<const N: usize>(
    states: &mut [Blowfish; N],
    material: &[[u32; 18]; N],
    salts: Option<&[[u32; 18]; N]>,
) {
    for (state, words) in states.iter_mut().zip(material) {
        state.keys.iter_mut().zip(words).for_each(|(key, word)| *key ^= word);
    }
    let mut halves = [(0, 0); N];
    let mut place = 0;
    // The salt has four words, of which each step takes the next two.
    let mut salted = |halves: &mut Halves<N>| {
        if let Some(salts) = salts {
            for (half, salt) in halves.iter_mut().zip(salts) {
                half.0 ^= salt[place];
                half.1 ^= salt[place + 1];
            }
            place = 2 - place;
        }
    };
    for pair in 0..9 {
        salted(&mut halves);
        let keys = std::array::from_fn(|lane| states[lane].keys);
        halves = encrypt(states, &keys, halves);
        for (state, half) in states.iter_mut().zip(halves) {
            (state.keys[2 * pair], state.keys[2 * pair + 1]) = half;
        }
    }
    let keys = std::array::from_fn(|lane| states[lane].keys);
    for number in 0..4 {
        for pair in 0..128 {
            salted(&mut halves);
            halves = encrypt(states, &keys, halves);
            for (state, half) in states.iter_mut().zip(halves) {
                let target = &mut state.boxes[number];
                (target[2 * pair], target[2 * pair + 1]) = half;
            }
        }
    }
}

/// Blowfish's sixteen rounds, each round of every lane before the next round of any. The round keys
/// come apart from the boxes so that the compiler knows that writing a box leaves them alone.
#[expect(clippy::inline_always, reason = "the halves stay in registers only within one function")]
#[inline(always)]
fn encrypt<const N: usize>(
    states: &[Blowfish; N],
    keys: &[[u32; 18]; N],
    mut halves: Halves<N>,
) -> Halves<N> {
    for lane in 0..N {
        halves[lane].0 ^= keys[lane][0];
    }
    // Written out, because the compiler otherwise keeps the halves in memory, at half the speed.
    macro_rules! rounds {
        ($($round:literal)+) => {$(
            for lane in 0..N {
                let (left, right) = halves[lane];
                let other = right ^ keys[lane][2 * $round + 1];
                halves[lane].1 = mix(&states[lane].boxes, left, other);
            }
            for lane in 0..N {
                let (left, right) = halves[lane];
                let other = left ^ keys[lane][2 * $round + 2];
                halves[lane].0 = mix(&states[lane].boxes, right, other);
            }
        )+};
    }
    rounds!(0 1 2 3 4 5 6 7);
    std::array::from_fn(|lane| (halves[lane].1 ^ keys[lane][17], halves[lane].0))
}

#[expect(clippy::inline_always, reason = "it is a quarter of a round, run eight million times")]
#[inline(always)]
fn mix(boxes: &[[u32; 256]; 4], half: u32, other: u32) -> u32 {
    let [a, b, c, d] = half.to_be_bytes().map(usize::from);
    let sum = boxes[0][a].wrapping_add(boxes[1][b]) ^ boxes[2][c];
    sum.wrapping_add(boxes[3][d]) ^ other
}

fn encrypt_text<const N: usize>(states: &[Blowfish; N]) -> [[u8; 23]; N] {
    let keys = std::array::from_fn(|lane| states[lane].keys);
    let mut outputs = [[0; 23]; N];
    for (block, text) in TEXT.chunks_exact(8).enumerate() {
        let text = words(text.iter().copied());
        let mut halves = [(text[0], text[1]); N];
        for _ in 0..64 {
            halves = encrypt(states, &keys, halves);
        }
        for (output, (left, right)) in outputs.iter_mut().zip(halves) {
            let bytes = left.to_be_bytes().into_iter().chain(right.to_be_bytes());
            output.iter_mut().skip(8 * block).zip(bytes).for_each(|(to, byte)| *to = byte);
        }
    }
    outputs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the `bcrypt` crate says, which cuts at 72 bytes as we do.
    fn expected(cost: u32, lane: Lane<'_>) -> Vec<u8> {
        let mut key = lane.password.to_vec();
        key.push(0);
        key.truncate(KEY_BYTES);
        ::bcrypt::bcrypt(cost, lane.salt, &key)[..23].to_vec()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn each_lane_is_bcrypt(
            cost in 0_u32..6,
            given in proptest::collection::vec(any::<(Vec<u8>, [u8; 16])>(), 0..7),
        ) {
            let lanes: Vec<_> =
                given.iter().map(|(password, salt)| Lane { salt: *salt, password }).collect();
            let hashes: Vec<_> = bcrypt(cost, &lanes).iter().map(|hash| hash.to_vec()).collect();
            let want: Vec<_> = lanes.iter().map(|lane| expected(cost, *lane)).collect();
            prop_assert_eq!(hashes, want);
        }
    }

    #[test]
    fn bytes_after_the_72nd_do_not_count_and_the_72nd_does() {
        let salt = [9; 16];
        let hash = |length: usize, last: u8| {
            let mut password = vec![b'a'; length];
            password.extend([last]);
            bcrypt(4, &[Lane { salt, password: &password }])
        };
        assert_eq!(hash(72, b'x'), hash(72, b'y'));
        assert_ne!(hash(71, b'x'), hash(71, b'y'));
    }
}
