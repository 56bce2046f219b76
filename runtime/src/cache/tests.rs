use super::*;

fn key_of(text: &str) -> Vec<u8> {
    key_of_binary(&wat::parse_str(text).unwrap()).unwrap()
}

fn key_of_binary(binary: &[u8]) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    write_key(binary, &mut key)?;
    Some(key)
}

#[test]
fn the_key_omits_payloads_only() {
    let known = key_of(r#"(module (memory 1) (data (i32.const 8) "abc") (data "x"))"#);
    assert_eq!(known, key_of(r#"(module (memory 1) (data (i32.const 8) "xyz") (data "y"))"#));
    for other in [
        r#"(module (memory 1) (data (i32.const 9) "abc") (data "x"))"#,
        r#"(module (memory 1) (data (i32.const 8) "abcd") (data "x"))"#,
        r#"(module (memory 1) (data (i32.const 8) "abc") (data "xy"))"#,
        r#"(module (memory 1) (data "abc") (data "x"))"#,
        r#"(module (memory 2) (data (i32.const 8) "abc") (data "x"))"#,
        r#"(module (memory 1) (data (i32.const 8) "abc") (data "x") (func))"#,
    ] {
        assert_ne!(known, key_of(other), "{other}");
    }
    let binary = wat::parse_str(r#"(module (memory 1) (data "abc"))"#).unwrap();
    assert_eq!(key_of_binary(&binary).unwrap().len(), binary.len() - 3);
}

#[test]
fn payload_bytes_do_not_change_the_structure() {
    // The parser finds the end of a payload by its length, whatever the bytes are.
    let text =
        |payload: &str| format!(r#"(module (memory 1) (data "{payload}") (data "{payload}"))"#);
    assert_eq!(key_of(&text(r"\00\01\02")), key_of(&text(r"\0b\05\ff")));
}

#[test]
fn bytes_that_are_not_a_module_have_no_key() {
    let binary = wat::parse_str(r#"(module (memory 1) (data "abc") (data "d"))"#).unwrap();
    for len in 1..binary.len() {
        let whole_sections = key_of_binary(&binary[..len]);
        assert!(whole_sections.is_none_or(|key| key == binary[..len]), "{len}");
    }
    assert_eq!(key_of_binary(b""), None);
}

fn cached(cache: &CodeCache, engine: &crate::Engine, text: &str) -> (Arc<CompiledModule>, bool) {
    let binary = wat::parse_str(text).unwrap();
    let mut compiled = false;
    let module = cache.get_or_compile(&binary, || {
        compiled = true;
        CompiledModule::new(engine, &binary)
    });
    (module.unwrap(), compiled)
}

#[test]
fn cached_code_is_not_compiled_again_and_unused_code_is_evicted() {
    let engine = crate::Engine::new(&crate::Config::default()).unwrap();
    let cache = CodeCache::new(const { NonZeroUsize::new(2).unwrap() });
    let text = |n: u32| format!(r#"(module (func (export "f") (result i32) i32.const {n}))"#);
    let (first, compiled) = cached(&cache, &engine, &text(0));
    assert!(compiled);
    let (same, compiled) = cached(&cache, &engine, &text(0));
    assert!(!compiled && Arc::ptr_eq(&first, &same));
    // The first was used since, so each eviction removes one of the others.
    for n in 1..20 {
        assert!(cached(&cache, &engine, &text(n)).1);
        assert!(!cached(&cache, &engine, &text(0)).1, "after {n}");
        assert!(cache.len() <= 2);
    }
    // A module keeps its code after eviction.
    let evicted = Arc::downgrade(&cached(&cache, &engine, &text(50)).0);
    assert!(evicted.upgrade().is_some());
    for n in 51..60 {
        cached(&cache, &engine, &text(n));
    }
    assert!(evicted.upgrade().is_none());
}

#[test]
fn the_cache_is_limited_by_size() {
    let engine = crate::Engine::new(&crate::Config::default()).unwrap();
    let many = const { NonZeroUsize::new(1000).unwrap() };
    let cache = CodeCache::with_max_bytes(many, 64 << 10);
    // A custom section counts as part of the key.
    let text = |n: usize, bytes: usize| {
        format!(
            r#"(module (func (result i32) i32.const {n}) (@custom "x" "{}"))"#,
            "x".repeat(bytes)
        )
    };
    for n in 0..20 {
        assert!(cached(&cache, &engine, &text(n, 20_000)).1);
        assert_eq!(cache.len(), (n + 1).min(3));
    }
    assert!(!cached(&cache, &engine, &text(19, 20_000)).1);
    // A module that is larger than the cache evicts nothing.
    assert!(cached(&cache, &engine, &text(0, 100_000)).1);
    assert!(cached(&cache, &engine, &text(0, 100_000)).1);
    assert_eq!(cache.len(), 3);
    for n in 0..20 {
        assert!(cached(&cache, &engine, &text(n, 0)).1);
    }
    let entries = cache.entries.read().unwrap();
    let bytes: usize = entries.by_hash.values().flatten().map(Entry::bytes).sum();
    assert_eq!(entries.bytes, bytes);
    assert!(entries.order.len() > 3 && bytes <= 64 << 10);
}

#[test]
fn buffers_of_large_keys_are_not_kept() {
    let engine = crate::Engine::new(&crate::Config::default()).unwrap();
    let cache = CodeCache::new(NonZeroUsize::MIN);
    let kept = |bytes: usize| {
        cached(&cache, &engine, &format!(r#"(module (@custom "x" "{}"))"#, "x".repeat(bytes)));
        KEY.with_borrow(Vec::capacity)
    };
    assert!(kept(1 << 20) >= 1 << 20);
    assert_eq!(kept(KEY_KEPT_BYTES + 1), 0);
}

#[test]
fn failures_are_not_kept() {
    let engine = crate::Engine::new(&crate::Config::default()).unwrap();
    let cache = CodeCache::new(NonZeroUsize::MIN);
    let binary = wat::parse_str("(module (func))").unwrap();
    let failed = cache.get_or_compile(&binary, || Err(Error::msg("no")));
    assert_eq!(failed.unwrap_err().to_string(), "no");
    assert_eq!(cache.len(), 0);
    assert!(cache.get_or_compile(&binary, || CompiledModule::new(&engine, &binary)).is_ok());
}
