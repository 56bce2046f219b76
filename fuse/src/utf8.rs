//! The copy of a string from one region to another, which checks that it is UTF-8.

use wasm_encoder::{BlockType, Instruction as I, ValType};
use wasmparser::FuncType;

use crate::helpers::{byte_at, emit};
use crate::regions::Region;

/// An address, a number of bytes, and an address to copy them to.
pub(crate) fn function_type() -> FuncType {
    FuncType::new([wasmparser::ValType::I32; 3], [])
}

/// Locals beside the three parameters.
pub(crate) const LOCALS: &[(u32, ValType)] = &[(5, ValType::I32)];

const FROM: u32 = 0;
const LEN: u32 = 1;
/// The address of the next character, and of the end.
const AT: u32 = 3;
const END: u32 = 4;
const BYTE: u32 = 5;
/// The bytes that follow the first one of a character, and the smallest value of the second one.
const MORE: u32 = 6;
const LOWEST: u32 = 7;

/// First bytes of characters: up to this one, so many bytes follow, and the second is in this range. See
/// table 3-7 of the Unicode standard.
const FIRST_BYTES: &[(i32, i32, i32, i32)] = &[
    (0xc1, -1, 0, 0),
    (0xdf, 1, 0x80, 0xbf),
    (0xe0, 2, 0xa0, 0xbf),
    (0xec, 2, 0x80, 0xbf),
    (0xed, 2, 0x80, 0x9f),
    (0xef, 2, 0x80, 0xbf),
    (0xf0, 3, 0x90, 0xbf),
    (0xf3, 3, 0x80, 0xbf),
    (0xf4, 3, 0x80, 0x8f),
];

/// Traps unless the `LEN` bytes at `FROM` in the region are UTF-8. The bytes are within the region.
pub(crate) fn check(code: &mut Vec<u8>, region: &Region) {
    let byte_at = |offset: u64| I::I32Load8U(byte_at(offset));
    // From here on addresses are those of the one memory.
    let base = I::I32Const(region.base.cast_signed());
    emit(code, [I::LocalGet(FROM), base, I::I32Add, I::LocalTee(AT)]);
    emit(code, [I::LocalGet(LEN), I::I32Add, I::LocalSet(END)]);
    emit(code, [I::Block(BlockType::Empty), I::Loop(BlockType::Empty)]);
    emit(code, [I::LocalGet(AT), I::LocalGet(END), I::I32Eq, I::BrIf(1)]);
    emit(code, [I::LocalGet(AT), byte_at(0), I::LocalTee(BYTE)]);
    // One byte of seven bits.
    emit(code, [I::I32Const(0x80), I::I32LtU, I::If(BlockType::Empty)]);
    advance(code, [I::I32Const(1)]);
    emit(code, [I::Br(1), I::End]);
    // The range of the second byte is one number: the highest in bits 8 to 15, the lowest below.
    emit(code, [I::I32Const(-1), I::LocalSet(MORE)]);
    emit(code, [I::Block(BlockType::Empty)]);
    for (up_to, more, lowest, highest) in FIRST_BYTES {
        emit(code, [I::LocalGet(BYTE), I::I32Const(*up_to), I::I32LeU, I::If(BlockType::Empty)]);
        emit(code, [I::I32Const(*more), I::LocalSet(MORE)]);
        emit(code, [I::I32Const(highest << 8 | lowest), I::LocalSet(LOWEST)]);
        emit(code, [I::Br(1), I::End]);
    }
    emit(code, [I::End]);
    trap_if(code, [I::LocalGet(MORE), I::I32Const(0), I::I32LtS]);
    trap_if(code, [I::LocalGet(END), I::LocalGet(AT), I::I32Sub, I::LocalGet(MORE), I::I32LeU]);
    emit(code, [I::LocalGet(AT), byte_at(1), I::LocalSet(BYTE)]);
    let lowest = [I::LocalGet(BYTE), I::LocalGet(LOWEST), I::I32Const(0xff), I::I32And, I::I32LtU];
    trap_if(code, lowest);
    let highest = [I::LocalGet(BYTE), I::LocalGet(LOWEST), I::I32Const(8), I::I32ShrU, I::I32GtU];
    trap_if(code, highest);
    for number in 2..=3 {
        emit(code, [I::LocalGet(MORE), I::I32Const(number), I::I32GeS, I::If(BlockType::Empty)]);
        let continues = [I::LocalGet(AT), byte_at(number as u64), I::I32Const(0xc0), I::I32And];
        trap_if(code, continues.into_iter().chain([I::I32Const(0x80), I::I32Ne]));
        emit(code, [I::End]);
    }
    advance(code, [I::LocalGet(MORE), I::I32Const(1), I::I32Add]);
    emit(code, [I::Br(0), I::End, I::End]);
}

fn advance(code: &mut Vec<u8>, by: impl IntoIterator<Item = I<'static>>) {
    emit(code, by);
    emit(code, [I::LocalGet(AT), I::I32Add, I::LocalSet(AT)]);
}

fn trap_if(code: &mut Vec<u8>, condition: impl IntoIterator<Item = I<'static>>) {
    emit(code, condition);
    emit(code, [I::If(BlockType::Empty), I::Unreachable, I::End]);
}
