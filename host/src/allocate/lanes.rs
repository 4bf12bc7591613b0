//! One row of the dynamic program, as wide as the machine's vectors are.
//!
//! The inner loop adds a level's cost to a stretch of the row before and keeps the lesser: no index of the least, no
//! branch, [`Lane::BLOCK`] sums in registers while all levels go past. It is compiled for several instruction sets and
//! the best one that the processor has is taken at run time. Which level was the least is found out again for the few
//! cells of the traceback.

use super::tables::Level;
use multiversion::multiversion;
use std::cell::Cell;
use std::thread::LocalKey;

/// An integer wide enough for the sums of a problem, and for twice "unreachable".
pub trait Lane: Copy + Ord + std::fmt::Debug + 'static {
    /// More than any sum; two of it still fit.
    const UNREACHABLE: Self;
    /// The sum 0.
    const ZERO: Self;
    /// Sums that fit the registers of one block.
    const BLOCK: usize;
    /// The value.
    fn value(self) -> i64;
    /// Memory of this thread's last problem, which the next one takes: a fresh page costs more than a row of sums.
    fn memory() -> &'static LocalKey<Cell<Vec<Self>>>;
    /// The row after `before`: `after[j]` = min over levels of `before[most + j − units]` + cost, where `most` is the
    /// greatest number of units of `levels`; never above [`Lane::UNREACHABLE`]. `after` is a number of blocks,
    /// `before` longer by `most`, and `levels` is not empty.
    fn row(before: &[Self], after: &mut [Self], levels: &[Level]);
}

/// The least sums of one block after another. Generic, so that each lane gets versions of its own.
macro_rules! lane {
    ($lane:ident, $row:ident, $block:literal) => {
        #[multiversion(targets("x86_64+avx2", "x86_64+sse4.1", "aarch64+neon"))]
        fn $row(before: &[$lane], after: &mut [$lane], levels: &[Level]) {
            const BLOCK: usize = $block;
            let most = levels.last().map_or(0, |l| l.units);
            for (i, block) in after.chunks_exact_mut(BLOCK).enumerate() {
                let window = &before[i * BLOCK..i * BLOCK + BLOCK + most];
                let mut least = [<$lane as Lane>::UNREACHABLE; BLOCK];
                for level in levels {
                    let from = &window[most - level.units..][..BLOCK];
                    let cost = level.cost as $lane;
                    for (least, &from) in least.iter_mut().zip(from) {
                        // Neither is above UNREACHABLE, of which two fit.
                        *least = (*least).min(from.wrapping_add(cost));
                    }
                }
                block.copy_from_slice(&least);
            }
        }

        impl Lane for $lane {
            const UNREACHABLE: Self = $lane::MAX / 2;
            const ZERO: Self = 0;
            const BLOCK: usize = $block;

            fn value(self) -> i64 {
                i64::from(self)
            }

            fn memory() -> &'static LocalKey<Cell<Vec<Self>>> {
                thread_local! {
                    static MEMORY: Cell<Vec<$lane>> = const { Cell::new(Vec::new()) };
                }
                &MEMORY
            }

            fn row(before: &[Self], after: &mut [Self], levels: &[Level]) {
                $row(before, after, levels);
            }
        }
    };
}

lane!(i16, row_i16, 128);
lane!(i32, row_i32, 64);
lane!(i64, row_i64, 32);
