//! Answers that were given once and stay where they are.
//!
//! In: a name and how to find its answer. Out: a reference that lives as long as the store. Never forgets, so
//! it is for what a script asks about (a few names), not for whole listings.

use std::sync::OnceLock;

/// A list that only grows; each entry is in its own box, so references to it stay valid.
pub(super) struct Kept<T> {
    first: OnceLock<Box<Entry<T>>>,
}

struct Entry<T> {
    name: String,
    value: T,
    next: OnceLock<Box<Entry<T>>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept {
            first: OnceLock::new(),
        }
    }
}

impl<T> Kept<T> {
    /// The answer for `name`, found by `find` the first time.
    pub(super) fn get_or_insert(&self, name: &str, find: impl FnOnce() -> T) -> &T {
        let mut slot = &self.first;
        while let Some(entry) = slot.get() {
            if entry.name == name {
                return &entry.value;
            }
            slot = &entry.next;
        }
        let mut new = Some(Box::new(Entry {
            name: name.to_string(),
            value: find(),
            next: OnceLock::new(),
        }));
        // Another thread may have taken the slot meanwhile: then the next one.
        loop {
            let entry = slot.get_or_init(|| new.take().expect("put back or used once"));
            if new.is_none() {
                return &entry.value;
            }
            slot = &entry.next;
        }
    }
}

impl<T> Drop for Kept<T> {
    /// Entry by entry: dropping the first would otherwise recurse as deep as the list is long.
    fn drop(&mut self) {
        let mut next = self.first.take();
        while let Some(mut entry) = next {
            next = entry.next.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_found_once() {
        let kept = Kept::default();
        let one = kept.get_or_insert("a", || 1);
        let two = kept.get_or_insert("b", || 2);
        let again = kept.get_or_insert("a", || panic!("known already"));
        assert_eq!((*one, *two, *again), (1, 2, 1));
    }

    #[test]
    fn a_long_list_is_dropped_without_recursion() {
        let kept = Kept::default();
        // As long as a list can get before looking through it is what takes the time.
        for i in 0..3_000 {
            kept.get_or_insert(&i.to_string(), || i);
        }
        assert_eq!(*kept.get_or_insert("2999", || 0), 2999);
    }
}
