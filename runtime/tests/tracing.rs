//! The spans that an engine reports. One test, because the subscriber is that of the process.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Debug;
use std::sync::Mutex;

use leakbench_runtime::{Engine, Instance, Module, Store};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The spans in the order in which they began, with their fields, and `end` for each end.
static SPANS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Recorder;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("leakbench_runtime")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        SPANS.lock().unwrap().push(text.0);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {
        SPANS.lock().unwrap().push("end".to_owned());
    }
}

#[test]
fn compilation_loading_and_instantiation_are_spans() {
    tracing::subscriber::set_global_default(Recorder).unwrap();
    let engine = Engine::default();
    let binary = wat::parse_str(r#"(module $traced (func (export "f")))"#).unwrap();
    let module = Module::new(&engine, &binary).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    instance.get_typed_func::<(), ()>(&store, "f").unwrap().call(&mut store, ()).unwrap();
    // From the cache, so that there is nothing to compile.
    Module::new(&engine, &binary).unwrap();
    let spans = std::mem::take(&mut *SPANS.lock().unwrap());
    let compile = format!("compile bytes={}", binary.len());
    assert_eq!(spans, [&*compile, "end", "instantiate module=\"traced\"", "end"]);
}
