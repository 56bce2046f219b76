use proptest::prelude::*;

use super::*;
use crate::module::info::{ConstExpr, ConstOp, DataSegment};
use crate::types::{GlobalType, MemoryType, Mutability, ValType};
use leakbench_allocator::WASM_PAGE_BYTES;

/// A segment: its offset (`None`: that of an imported global, which is 5), whether it is active,
/// and its length.
type Segment = (Option<u32>, bool, usize);

const IMPORTED_OFFSET: usize = 5;

/// A module with these segments, and its binary, in which neighbouring bytes differ.
fn module(pages: u32, segments: &[Segment]) -> (ModuleInfo, Vec<u8>) {
    let mut info = ModuleInfo {
        memories: vec![MemoryType::new(pages, None)],
        globals: vec![GlobalType::new(ValType::I32, Mutability::Const)],
        num_imported_globals: 1,
        ..ModuleInfo::default()
    };
    let mut at = 100;
    for &(offset, active, len) in segments {
        let offset = match offset {
            Some(offset) => ConstOp::I32Const(offset as i32),
            None => ConstOp::GlobalGet(0),
        };
        info.data.push(DataSegment {
            mode: match active {
                true => SegmentMode::Active { target: 0, offset: ConstExpr(Box::new([offset])) },
                false => SegmentMode::Passive,
            },
            bytes: at..at + len,
        });
        at += len;
    }
    let binary = (0..at).map(|i| (i % 251) as u8 + 1).collect();
    (info, binary)
}

/// Applies segments `from..` to a memory one by one, as the specification defines, until one is out
/// of bounds.
fn apply(memory: &mut [u8], segments: &[Segment], info: &ModuleInfo, binary: &[u8], from: usize) {
    for (&(offset, active, len), data) in segments.iter().zip(&info.data).skip(from) {
        let start = offset.map_or(IMPORTED_OFFSET, |offset| offset as usize);
        if !active {
            continue;
        }
        let Some(to) = memory.get_mut(start..start + len) else {
            return;
        };
        to.copy_from_slice(&binary[data.bytes.clone()]);
    }
}

fn initial(plan: &ImagePlan, binary: &[u8], memory: &mut [u8]) {
    plan.with_initial(binary, |initial| {
        if let Some(InitialMemory { offset_bytes, bytes }) = initial {
            memory[offset_bytes..offset_bytes + bytes.len()].copy_from_slice(bytes);
        }
    });
}

proptest! {
    #[test]
    fn the_image_and_later_segments_equal_all_segments_applied(
        pages in 0u32..3,
        segments in prop::collection::vec(
            (
                prop::option::weighted(0.9, prop_oneof![0u32..300, 0u32..140_000]),
                prop::bool::weighted(0.9),
                0usize..200,
            ),
            0..8,
        ),
    ) {
        let (info, binary) = module(pages, &segments);
        let plan = ImagePlan::new(&info);
        let len = pages as usize * WASM_PAGE_BYTES;
        let (mut expected, mut found) = (vec![0; len], vec![0; len]);
        apply(&mut expected, &segments, &info, &binary, 0);
        initial(&plan, &binary, &mut found);
        apply(&mut found, &segments, &info, &binary, plan.covered_segments());
        prop_assert!(expected == found);
    }
}

#[test]
fn the_image_omits_scattered_segments() {
    let segments = [(Some(0), true, 100), (Some(2 << 20), true, 100)];
    let (info, _) = module(64, &segments);
    assert_eq!(ImagePlan::new(&info).covered_segments(), 1);
    let segments = [(Some(0), true, 100), (Some(SPARSE_BYTES as u32 / 2), true, 100)];
    let (info, _) = module(64, &segments);
    assert_eq!(ImagePlan::new(&info).covered_segments(), 2);
}

#[test]
fn a_global_of_the_module_is_a_place_in_the_image() {
    let (mut info, _) = module(1, &[(None, true, 3)]);
    info.globals.push(GlobalType::new(ValType::I32, Mutability::Const));
    info.global_inits.push(ConstExpr(Box::new([ConstOp::I32Const(7)])));
    let offset = ConstExpr(Box::new([ConstOp::GlobalGet(1)]));
    info.data[0].mode = SegmentMode::Active { target: 0, offset };
    assert_eq!(ImagePlan::new(&info).span(), 7..10);
}

#[test]
fn an_imported_memory_has_no_image() {
    let (mut info, binary) = module(1, &[(Some(0), true, 100)]);
    info.num_imported_memories = 1;
    let plan = ImagePlan::new(&info);
    assert_eq!(plan.covered_segments(), 0);
    plan.with_initial(&binary, |initial| assert!(initial.is_none()));
}

#[test]
fn the_scratch_buffer_is_zero_for_the_next_image() {
    for fill in [7u8, 9] {
        let segments = [(Some(fill.into()), true, 3), (Some(40), true, 2)];
        let (info, mut binary) = module(1, &segments);
        binary.fill(fill);
        let mut memory = vec![0; WASM_PAGE_BYTES];
        initial(&ImagePlan::new(&info), &binary, &mut memory);
        assert_eq!(memory.iter().filter(|&&byte| byte != 0).count(), 5);
        assert_eq!(memory.iter().filter(|&&byte| byte == fill).count(), 5);
    }
}
