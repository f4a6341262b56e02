//! Texts of a file that repeat share their memory.

use std::sync::Arc;

/// Short texts that were seen lately: most keys and many values come again soon. A slot forgets its text
/// for the next one, so that this never grows and never has to be searched.
pub(super) struct Words {
    slots: Vec<Option<Arc<str>>>,
}

const SLOTS: usize = 4096;
const LONGEST: usize = 32;

impl Words {
    /// A text, shared with an equal one if that was seen lately.
    pub fn get(&mut self, text: &str) -> Arc<str> {
        if text.len() > LONGEST {
            return text.into();
        }
        let slot = &mut self.slots[slot(text)];
        match slot {
            Some(known) if **known == *text => known.clone(),
            _ => slot.insert(text.into()).clone(),
        }
    }
}

impl Default for Words {
    fn default() -> Self {
        Self { slots: vec![None; SLOTS] }
    }
}

/// FNV-1a, folded: a poor hash only costs a little sharing.
fn slot(text: &str) -> usize {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 32)) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Words;

    #[test]
    fn equal_texts_are_one() {
        let mut words = Words::default();
        let first = words.get("role");
        assert!(Arc::ptr_eq(&first, &words.get("role")));
        assert_eq!(&*words.get(&"x".repeat(100)), "x".repeat(100));
    }
}
