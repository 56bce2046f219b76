//! Handles of resources, compared with a model of the canonical ABI.

mod common;

use std::cell::Cell;

use common::{Outcome, Twice, program};
use leakbench_fuse::{Definition, ItemOf, Options, Program, Resource};
use leakbench_runtime::Val;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// The types of two component instances: the first defines a resource that the second uses too, and the
/// second has one of its own. The third has no destructor.
const TYPES: [(usize, bool, bool); 4] =
    [(0, true, true), (1, false, true), (1, true, true), (0, true, false)];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    New { ty: usize, representation: i32 },
    Rep { ty: usize, handle: i32 },
    Drop { ty: usize, handle: i32 },
    TransferOwn { from: usize, to: usize, handle: i32 },
    TransferBorrow { from: usize, to: usize, handle: i32 },
    Enter,
    Exit,
}

/// A handle in a table.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Handle {
    Own { ty: usize, representation: i32, lent: u32 },
    Borrow { ty: usize, representation: i32, call: usize },
}

/// The state that the canonical ABI describes.
#[derive(Clone, Default)]
struct Model {
    tables: [Vec<Option<Handle>>; 2],
    /// Free handles of each table, of which the last is used first.
    free: [Vec<usize>; 2],
    /// For each call in progress, its borrowed handles and the handles that are lent to it.
    calls: Vec<(u32, Vec<(usize, usize)>)>,
    destroyed: Vec<i32>,
}

impl Model {
    fn insert(&mut self, handle: Handle) -> i32 {
        let (Handle::Own { ty, .. } | Handle::Borrow { ty, .. }) = handle;
        let table = TYPES[ty].0;
        let index = self.free[table].pop().unwrap_or_else(|| {
            self.tables[table].push(None);
            self.tables[table].len() - 1
        });
        self.tables[table][index] = Some(handle);
        index as i32 + 1
    }

    fn find(&mut self, ty: usize, handle: i32) -> Option<(usize, &mut Handle)> {
        let index = usize::try_from(handle).ok()?.checked_sub(1)?;
        let found = self.tables[TYPES[ty].0].get_mut(index)?.as_mut()?;
        let (Handle::Own { ty: actual, .. } | Handle::Borrow { ty: actual, .. }) = *found;
        (actual == ty).then_some((index, found))
    }

    fn remove(&mut self, ty: usize, index: usize) {
        self.tables[TYPES[ty].0][index] = None;
        self.free[TYPES[ty].0].push(index);
    }

    /// The result; `None` if the step traps.
    fn step(&mut self, step: Step) -> Option<Option<i32>> {
        match step {
            Step::New { ty, representation } => {
                Some(Some(self.insert(Handle::Own { ty, representation, lent: 0 })))
            }
            Step::Rep { ty, handle } => {
                let (Handle::Own { representation, .. } | Handle::Borrow { representation, .. }) =
                    *self.find(ty, handle)?.1;
                Some(Some(representation))
            }
            Step::Drop { ty, handle } => {
                let (index, found) = self.find(ty, handle)?;
                match *found {
                    Handle::Own { lent: 0, representation, .. } => {
                        self.destroyed.extend(TYPES[ty].2.then_some(representation));
                    }
                    Handle::Own { .. } => return None,
                    Handle::Borrow { call, .. } => self.calls[call].0 -= 1,
                }
                self.remove(ty, index);
                Some(None)
            }
            Step::TransferOwn { from, to, handle } => {
                let (index, found) = self.find(from, handle)?;
                let Handle::Own { lent: 0, representation, .. } = *found else { return None };
                self.remove(from, index);
                Some(Some(self.insert(Handle::Own { ty: to, representation, lent: 0 })))
            }
            Step::TransferBorrow { from, to, handle } => {
                let current = self.calls.len() - 1;
                let (index, found) = self.find(from, handle)?;
                let representation = match found {
                    Handle::Own { representation, lent, .. } => {
                        *lent += 1;
                        let representation = *representation;
                        self.calls[current].1.push((TYPES[from].0, index));
                        representation
                    }
                    Handle::Borrow { representation, .. } => *representation,
                };
                if TYPES[to].1 {
                    return Some(Some(representation));
                }
                self.calls[current].0 += 1;
                Some(Some(self.insert(Handle::Borrow { ty: to, representation, call: current })))
            }
            Step::Enter => {
                self.calls.push((0, Vec::new()));
                Some(None)
            }
            Step::Exit => {
                let (borrowed, lent) = self.calls.pop()?;
                if borrowed > 0 {
                    return None;
                }
                for (table, index) in lent {
                    if let Some(Handle::Own { lent, .. }) = &mut self.tables[table][index] {
                        *lent -= 1;
                    }
                }
                Some(None)
            }
        }
    }
}

fn handles() -> Program {
    // It keeps what was destroyed, from address 4 on.
    let log = "(module (memory (export \"memory\") 1 1)
        (func (export \"destroyed\") (param i32)
          (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 4)))
          (i32.store (i32.load (i32.const 0)) (local.get 0)))
        (func (export \"load\") (param i32) (result i32) (i32.load (local.get 0))))";
    let mut user = String::new();
    let mut imports = Vec::new();
    let mut bodies = String::new();
    let mut add = |name: &str, params: usize, result: &str, definition: Definition| {
        let types = "i32 ".repeat(params);
        user += &format!("(import \"\" \"{name}\" (func ${name} (param {types}) {result}))");
        let arguments: String = (0..params).map(|it| format!("(local.get {it})")).collect();
        bodies += &format!(
            "(func (export \"{name}\") (param {types}) {result} (call ${name} {arguments}))"
        );
        imports.push(definition);
    };
    for (resource, (may_leave, ..)) in TYPES.into_iter().enumerate() {
        let result = "(result i32)";
        add(&format!("new{resource}"), 1, result, Definition::ResourceNew { resource, may_leave });
        add(&format!("rep{resource}"), 1, result, Definition::ResourceRep(resource));
        add(&format!("drop{resource}"), 1, "", Definition::ResourceDrop { resource, may_leave });
    }
    add("own", 3, "(result i32)", Definition::ResourceTransferOwn);
    add("borrow", 3, "(result i32)", Definition::ResourceTransferBorrow);
    add("enter", 3, "", Definition::EnterCall);
    add("exit", 0, "", Definition::ExitCall);
    let user = format!(
        "(module {user} (import \"\" \"flag\" (global $flag (mut i32))) {bodies}
           (func (export \"leave\") (param i32) (global.set $flag (local.get 0))))"
    );
    imports.push(Definition::Flag(0));
    let destructor = ItemOf { instance: 0, name: "destroyed".to_owned() };
    let resources = TYPES.iter().map(|(handles, is_own, has_destructor)| Resource {
        handles: *handles,
        is_own: *is_own,
        destructor: has_destructor.then(|| destructor.clone()),
    });
    let program = program(vec![(log, vec![]), (&user, imports)]);
    Program { flags: vec![1, 1], resources: resources.collect(), ..program }
}

fn call(fused: &mut Twice, step: Step) -> Outcome {
    let (name, args) = match step {
        Step::New { ty, representation } => (format!("new{ty}"), vec![representation]),
        Step::Rep { ty, handle } => (format!("rep{ty}"), vec![handle]),
        Step::Drop { ty, handle } => (format!("drop{ty}"), vec![handle]),
        Step::TransferOwn { from, to, handle } => {
            ("own".to_owned(), vec![handle, from as i32, to as i32])
        }
        Step::TransferBorrow { from, to, handle } => {
            ("borrow".to_owned(), vec![handle, from as i32, to as i32])
        }
        Step::Enter => ("enter".to_owned(), vec![0, 0, 0]),
        Step::Exit => ("exit".to_owned(), vec![]),
    };
    let args: Vec<Val> = args.into_iter().map(Val::I32).collect();
    fused.call_fused(1, &name, &args)
}

fn step() -> impl Strategy<Value = Step> {
    let ty = || 0..TYPES.len();
    let handle = || prop_oneof![20 => 1..7i32, 1 => -1..1i32];
    prop_oneof![
        6 => (ty(), any::<i32>()).prop_map(|(ty, representation)| Step::New { ty, representation }),
        1 => (ty(), handle()).prop_map(|(ty, handle)| Step::Rep { ty, handle }),
        3 => (ty(), handle()).prop_map(|(ty, handle)| Step::Drop { ty, handle }),
        3 => (ty(), ty(), handle())
            .prop_map(|(from, to, handle)| Step::TransferOwn { from, to, handle }),
        3 => (ty(), ty(), handle())
            .prop_map(|(from, to, handle)| Step::TransferBorrow { from, to, handle }),
        2 => Just(Step::Enter),
        2 => Just(Step::Exit),
    ]
}

#[test]
fn handles_are_those_of_the_model() {
    let program = handles();
    let (traps, exits) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(150));
    runner
        .run(&prop::collection::vec(step(), 1..80), |steps| {
            let mut fused = Twice::only_fused(&program, &Options::default());
            let mut model = Model::default();
            for step in steps {
                let needs_call = matches!(step, Step::TransferBorrow { .. } | Step::Exit);
                if needs_call && model.calls.is_empty() {
                    continue;
                }
                let outcome = call(&mut fused, step);
                // A step that traps changes nothing.
                let mut next = model.clone();
                match next.step(step) {
                    None => {
                        prop_assert!(
                            matches!(outcome, Outcome::Trapped(_)),
                            "{step:?}: {outcome:?}"
                        );
                        traps.set(traps.get() + 1);
                    }
                    Some(result) => {
                        let result = result.map(|value| value.cast_unsigned().into());
                        let expected = Outcome::Returned(result.into_iter().collect());
                        prop_assert_eq!(outcome, expected, "{:?}", step);
                        model = next;
                        exits.set(exits.get() + u32::from(step == Step::Exit));
                    }
                }
            }
            let load = |fused: &mut Twice, at: i32| fused.call_fused(0, "load", &[Val::I32(at)]);
            for (at, representation) in (1..).zip(&model.destroyed) {
                let expected = Outcome::Returned(vec![representation.cast_unsigned().into()]);
                prop_assert_eq!(load(&mut fused, 4 * at), expected);
            }
            let end = Outcome::Returned(vec![4 * model.destroyed.len() as u128]);
            prop_assert_eq!(load(&mut fused, 0), end);
            Ok(())
        })
        .unwrap();
    let (traps, exits) = (traps.get(), exits.get());
    assert!(traps > 100 && exits > 100, "{traps} traps, {exits} ends of calls");
}

#[test]
fn a_component_that_may_not_leave_makes_no_handle() {
    let mut fused = Twice::only_fused(&handles(), &Options::default());
    let new = Step::New { ty: 0, representation: 7 };
    assert_eq!(call(&mut fused, new), Outcome::Returned(vec![1]));
    fused.call_fused(1, "leave", &[Val::I32(0)]);
    assert!(matches!(call(&mut fused, new), Outcome::Trapped(_)));
    // The other component instance has a flag of its own.
    let other = Step::New { ty: 2, representation: 7 };
    assert_eq!(call(&mut fused, other), Outcome::Returned(vec![1]));
}

#[test]
fn a_table_has_a_last_handle() {
    let mut fused = Twice::only_fused(&handles(), &Options::default());
    for handle in 1..=65_535u128 {
        let made = call(&mut fused, Step::New { ty: 0, representation: 1 });
        assert_eq!(made, Outcome::Returned(vec![handle]));
    }
    assert!(matches!(
        call(&mut fused, Step::New { ty: 0, representation: 1 }),
        Outcome::Trapped(_)
    ));
    for _ in 1..32_768 {
        assert_eq!(call(&mut fused, Step::Enter), Outcome::Returned(vec![]));
    }
    assert!(matches!(call(&mut fused, Step::Enter), Outcome::Trapped(_)));
}
