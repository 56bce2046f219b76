//! Maxima for memories that have none.

use std::convert::Infallible;

use wasm_encoder::MemorySection;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasmparser::{MemorySectionReader, Parser};

use crate::error::FuseError;

/// The module with a maximum of so many pages of 64 KiB for each memory that it defines without one. So a
/// program grows its memories as far before the fusion as after it.
///
/// # Errors
/// [`FuseError::Module`] with the number 0.
pub fn limit_memories(module: &[u8], max_pages: u32) -> Result<Vec<u8>, FuseError> {
    let mut limited = wasm_encoder::Module::new();
    utils::parse_core_module(&mut Limiter(max_pages.into()), &mut limited, Parser::new(0), module)
        .map_err(|error| FuseError::Module { module: 0, offset: 0, reason: error.to_string() })?;
    Ok(limited.finish())
}

/// The maximum.
struct Limiter(u64);

impl Reencode for Limiter {
    type Error = Infallible;

    fn parse_memory_section(
        &mut self,
        memories: &mut MemorySection,
        section: MemorySectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for memory in section {
            let mut memory = self.memory_type(memory?)?;
            memory.maximum.get_or_insert(self.0.max(memory.minimum));
            memories.memory(memory);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_memories_without_a_maximum_get_one() {
        let text = r#"(module (import "a" "m" (memory 1)) (memory 2) (memory 1 3) (memory 9)
            (data (i32.const 0) "abc") (func (export "f")))"#;
        let binary = wat::parse_str(text).unwrap();
        let limited = crate::module::Module::parse(0, &binary).unwrap();
        assert_eq!(limited.memories[0].maximum, None);
        let binary = limit_memories(&binary, 5).unwrap();
        let limited = crate::module::Module::parse(0, &binary).unwrap();
        let maxima: Vec<Option<u64>> = limited.memories.iter().map(|it| it.maximum).collect();
        assert_eq!(maxima, [Some(5), Some(3), Some(9)]);
        assert!(limited.exports.contains_key("f") && limited.data.len() == 1);
    }
}
