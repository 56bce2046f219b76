//! Resources of the component model: tables of handles, and calls in which handles are borrowed.
//!
//! Handles have the numbers that the specification's canonical ABI gives them: the lowest is 1, and a number
//! that was freed last is used first. All state is in pages of the one memory that belong to no region:
//!
//! ```text
//! for each type of resources: address of its table of handles, 1 if the type is the instance's own
//! for each call in progress:  borrowed handles, number of lent handles when it began
//! for each lent handle:       address of its slot
//! tables of handles:          first free slot, slots in use so far, then slots
//! slot:                       kind (0: free), representation (or next free slot), times lent or call
//! ```

use wasm_encoder::{BlockType, Instruction as I, MemArg, MemArgTarget, ValType};

use crate::helpers::{Helper, Helpers, emit};
use crate::program::Resource;

/// Globals: the number of calls in progress, and of lent handles.
pub(crate) const GLOBALS: u32 = 2;

const PAGE_BYTES: u32 = 1 << 16;
const TYPE_BYTES: u32 = 8;
const CALL_BYTES: u32 = 8;
const CALLS_PAGES: u32 = 4;
const LENT_BYTES: u32 = 4;
const LENT_PAGES: u32 = 4;
const TABLE_PAGES: u32 = 16;
const SLOT_BYTES: u32 = 16;
const CALLS_MAX: u32 = CALLS_PAGES * PAGE_BYTES / CALL_BYTES;
const LENT_MAX: u32 = LENT_PAGES * PAGE_BYTES / LENT_BYTES;
/// The first slot's place has the table's own two numbers.
const SLOTS_MAX: u32 = TABLE_PAGES * PAGE_BYTES / SLOT_BYTES - 1;

/// Offsets within a table of handles, a slot, a call, and the entry of a type.
const FIRST_FREE: u32 = 0;
const SLOTS_USED: u32 = 4;
const KIND: u32 = 0;
const REPRESENTATION: u32 = 4;
/// Of an owning handle the number of times that it is lent, of a borrowed one the call.
const EXTRA: u32 = 8;
const BORROWED: u32 = 0;
const LENT_BEFORE: u32 = 4;
const TYPE_TABLE: u32 = 0;
const TYPE_IS_OWN: u32 = 4;

/// The types of resources of a program, and the places of their state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources<'a> {
    pub(crate) all: &'a [Resource],
    /// The address of the state.
    pub(crate) at: u32,
    pub(crate) first_global: u32,
}

/// The pages that the state of these types needs.
pub(crate) fn pages(resources: &[Resource]) -> u64 {
    match resources.iter().map(|resource| resource.handles).max() {
        None => 0,
        Some(last) => {
            let types = type_pages(resources.len());
            let tables = (last as u64 + 1) * u64::from(TABLE_PAGES);
            u64::from(types + CALLS_PAGES + LENT_PAGES) + tables
        }
    }
}

fn type_pages(types: usize) -> u32 {
    (types as u32 * TYPE_BYTES).div_ceil(PAGE_BYTES)
}

type Code = Vec<I<'static>>;

/// The sum of an address and a constant is in the offset of the access.
fn field(offset: u32) -> MemArg {
    MemArg { offset: offset.into(), align: 2, target: MemArgTarget::Memory(0), ordering: None }
}

fn load(address: Code, offset: u32) -> Code {
    [address, vec![I::I32Load(field(offset))]].concat()
}

fn store(address: Code, offset: u32, value: Code) -> Code {
    [address, value, vec![I::I32Store(field(offset))]].concat()
}

fn get(local: u32) -> Code {
    vec![I::LocalGet(local)]
}

fn number(value: u32) -> Code {
    vec![I::I32Const(value.cast_signed())]
}

fn binary(left: Code, right: Code, operator: I<'static>) -> Code {
    [left, right, vec![operator]].concat()
}

fn add(left: Code, right: u32) -> Code {
    binary(left, number(right), I::I32Add)
}

fn set(local: u32, value: Code) -> Code {
    [value, vec![I::LocalSet(local)]].concat()
}

fn when(condition: Code, then: Code) -> Code {
    [condition, vec![I::If(BlockType::Empty)], then, vec![I::End]].concat()
}

fn trap_if(condition: Code) -> Code {
    when(condition, vec![I::Unreachable])
}

/// The kind of a slot of a type that a local or a constant has.
fn kind(resource: Code, is_borrowed: bool) -> Code {
    let twice = binary(add(resource, 1), number(1), I::I32Shl);
    binary(twice, number(is_borrowed.into()), I::I32Or)
}

fn is_borrowed(slot: u32) -> Code {
    binary(load(get(slot), KIND), number(1), I::I32And)
}

impl Resources<'_> {
    /// The bytes that the state begins with, and their address.
    pub(crate) fn data(&self) -> Option<(i32, Vec<u8>)> {
        let entry = |resource: &Resource| {
            let table = self.table(resource.handles).to_le_bytes();
            [table, u32::from(resource.is_own).to_le_bytes()].concat()
        };
        let bytes: Vec<u8> = self.all.iter().flat_map(entry).collect();
        (!bytes.is_empty()).then_some((self.at.cast_signed(), bytes))
    }

    fn calls(&self) -> u32 {
        self.at + type_pages(self.all.len()) * PAGE_BYTES
    }

    fn lent(&self) -> u32 {
        self.calls() + CALLS_PAGES * PAGE_BYTES
    }

    fn table(&self, handles: usize) -> u32 {
        self.lent() + (LENT_PAGES + handles as u32 * TABLE_PAGES) * PAGE_BYTES
    }

    fn calls_global(&self) -> u32 {
        self.first_global
    }

    fn lent_global(&self) -> u32 {
        self.first_global + 1
    }

    /// The address of the current call.
    fn current_call(&self) -> Code {
        let calls = vec![I::GlobalGet(self.calls_global())];
        add(binary(calls, number(CALL_BYTES), I::I32Mul), self.calls())
    }

    /// Traps unless a local is the index of a type.
    fn check_type(&self, local: u32) -> Code {
        trap_if(binary(get(local), number(self.all.len() as u32), I::I32GeU))
    }

    /// A field of the entry of a type whose index is in a local.
    fn of_type(&self, local: u32, offset: u32) -> Code {
        load(binary(get(local), number(TYPE_BYTES), I::I32Mul), self.at + offset)
    }

    /// Adds the body of a helper, and returns its locals.
    pub(crate) fn body(
        &self,
        code: &mut Vec<u8>,
        helper: Helper,
        helpers: &mut Helpers,
    ) -> &'static [(u32, ValType)] {
        let mut call = |helper: Helper, arguments: &[Code]| {
            [arguments.concat(), vec![I::Call(helpers.index(helper))]].concat()
        };
        let mut find = |table: Code, handle: Code, resource: Code| {
            call(Helper::FindHandle, &[table, handle, resource])
        };
        let check_flag = |flag: u32| trap_if(vec![I::GlobalGet(flag), I::I32Eqz]);
        let table_of = |resource: u32| number(self.table(self.all[resource as usize].handles));
        let body: Code = match helper {
            Helper::InsertHandle => insert(),
            Helper::FindHandle => find_handle(),
            Helper::RemoveHandle => remove(),
            Helper::ResourceNew { resource, may_leave } => {
                let arguments =
                    [table_of(resource), kind(number(resource), false), get(0), number(0)];
                [check_flag(may_leave), call(Helper::InsertHandle, &arguments)].concat()
            }
            Helper::ResourceRep(resource) => {
                load(find(table_of(resource), get(0), number(resource)), REPRESENTATION)
            }
            Helper::ResourceDrop { resource, may_leave, destructor } => {
                let (slot, representation, borrower) = (1, 2, 3);
                let found = find(table_of(resource), get(0), number(resource));
                let removed = call(Helper::RemoveHandle, &[table_of(resource), get(slot)]);
                let of_call = binary(load(get(slot), EXTRA), number(CALL_BYTES), I::I32Mul);
                let fewer = binary(load(get(borrower), BORROWED), number(1), I::I32Sub);
                let end_borrow = [
                    set(borrower, add(of_call, self.calls())),
                    store(get(borrower), BORROWED, fewer),
                    removed.clone(),
                    vec![I::Return],
                ];
                let destroy =
                    destructor.map(|it| [get(representation), vec![I::Call(it)]].concat());
                [
                    check_flag(may_leave),
                    set(slot, found),
                    when(is_borrowed(slot), end_borrow.concat()),
                    trap_if(load(get(slot), EXTRA)),
                    set(representation, load(get(slot), REPRESENTATION)),
                    removed,
                    destroy.unwrap_or_default(),
                ]
                .concat()
            }
            Helper::ResourceTransferOwn => {
                let (from, to, slot, representation) = (1, 2, 3, 4);
                let found = find(self.of_type(from, TYPE_TABLE), get(0), get(from));
                let table = self.of_type(from, TYPE_TABLE);
                let arguments = [
                    self.of_type(to, TYPE_TABLE),
                    kind(get(to), false),
                    get(representation),
                    number(0),
                ];
                [
                    self.check_type(from),
                    self.check_type(to),
                    set(slot, found),
                    trap_if(is_borrowed(slot)),
                    trap_if(load(get(slot), EXTRA)),
                    set(representation, load(get(slot), REPRESENTATION)),
                    call(Helper::RemoveHandle, &[table, get(slot)]),
                    call(Helper::InsertHandle, &arguments),
                ]
                .concat()
            }
            Helper::ResourceTransferBorrow => {
                let (from, to, slot, borrower) = (1, 2, 3, 4);
                let found = find(self.of_type(from, TYPE_TABLE), get(0), get(from));
                let more = add(load(get(borrower), BORROWED), 1);
                let calls = vec![I::GlobalGet(self.calls_global())];
                let arguments = [
                    self.of_type(to, TYPE_TABLE),
                    kind(get(to), true),
                    load(get(slot), REPRESENTATION),
                    calls,
                ];
                let is_own = self.of_type(to, TYPE_IS_OWN);
                let representation = load(get(slot), REPRESENTATION);
                [
                    self.check_type(from),
                    self.check_type(to),
                    set(slot, found),
                    when([is_borrowed(slot), vec![I::I32Eqz]].concat(), self.lend(slot)),
                    when(is_own, [representation, vec![I::Return]].concat()),
                    set(borrower, self.current_call()),
                    store(get(borrower), BORROWED, more),
                    call(Helper::InsertHandle, &arguments),
                ]
                .concat()
            }
            Helper::EnterCall => {
                let calls = self.calls_global();
                let next = add(vec![I::GlobalGet(calls)], 1);
                let lent = vec![I::GlobalGet(self.lent_global())];
                [
                    trap_if(binary(next.clone(), number(CALLS_MAX), I::I32GeU)),
                    [next, vec![I::GlobalSet(calls)]].concat(),
                    store(self.current_call(), BORROWED, number(0)),
                    store(self.current_call(), LENT_BEFORE, lent),
                ]
                .concat()
            }
            Helper::ExitCall => self.exit(),
            // The others have bodies of their own.
            _ => Vec::new(),
        };
        emit(code, body);
        &[(4, ValType::I32)]
    }

    /// Counts that the handle of a slot is lent, until the current call ends.
    fn lend(&self, slot: u32) -> Code {
        let lent = vec![I::GlobalGet(self.lent_global())];
        let place = binary(lent.clone(), number(LENT_BYTES), I::I32Mul);
        [
            trap_if(binary(lent.clone(), number(LENT_MAX), I::I32GeU)),
            store(get(slot), EXTRA, add(load(get(slot), EXTRA), 1)),
            store(place, self.lent(), get(slot)),
            add(lent, 1),
            vec![I::GlobalSet(self.lent_global())],
        ]
        .concat()
    }

    fn exit(&self) -> Code {
        let (call, slot) = (0, 1);
        let [calls, lent] = [self.calls_global(), self.lent_global()];
        let last = |global: u32| binary(vec![I::GlobalGet(global)], number(1), I::I32Sub);
        let place = binary(vec![I::GlobalGet(lent)], number(LENT_BYTES), I::I32Mul);
        let fewer = binary(load(get(slot), EXTRA), number(1), I::I32Sub);
        let give_back = [
            last(lent),
            vec![I::GlobalSet(lent)],
            set(slot, load(place, self.lent())),
            store(get(slot), EXTRA, fewer),
            vec![I::Br(1)],
        ];
        let are_left = binary(vec![I::GlobalGet(lent)], load(get(call), LENT_BEFORE), I::I32GtU);
        [
            set(call, self.current_call()),
            trap_if(load(get(call), BORROWED)),
            vec![I::Loop(BlockType::Empty)],
            when(are_left, give_back.concat()),
            vec![I::End],
            last(calls),
            vec![I::GlobalSet(calls)],
        ]
        .concat()
    }
}

/// Parameters: a table, a kind, a representation, and the extra number. Returns the handle.
fn insert() -> Code {
    let (table, kind, representation, extra, free, slot) = (0, 1, 2, 3, 4, 5);
    let at = binary(get(free), number(SLOT_BYTES), I::I32Mul);
    let is_new = binary(get(free), load(get(table), SLOTS_USED), I::I32Eq);
    let grow = [
        trap_if(binary(get(free), number(SLOTS_MAX), I::I32Eq)),
        store(get(table), SLOTS_USED, add(get(free), 1)),
        store(get(table), FIRST_FREE, add(get(free), 1)),
    ];
    let reuse = store(get(table), FIRST_FREE, load(get(slot), REPRESENTATION));
    [
        set(free, load(get(table), FIRST_FREE)),
        set(slot, add(binary(get(table), at, I::I32Add), SLOT_BYTES)),
        is_new,
        vec![I::If(BlockType::Empty)],
        grow.concat(),
        vec![I::Else],
        reuse,
        vec![I::End],
        store(get(slot), KIND, get(kind)),
        store(get(slot), REPRESENTATION, get(representation)),
        store(get(slot), EXTRA, get(extra)),
        add(get(free), 1),
    ]
    .concat()
}

/// Parameters: a table, a handle, and the index of a type. Returns the address of the slot.
fn find_handle() -> Code {
    let (table, handle, resource, slot) = (0, 1, 2, 3);
    let index = || binary(get(handle), number(1), I::I32Sub);
    let at = binary(index(), number(SLOT_BYTES), I::I32Mul);
    let actual = binary(load(get(slot), KIND), number(1), I::I32ShrU);
    [
        trap_if(binary(index(), load(get(table), SLOTS_USED), I::I32GeU)),
        set(slot, add(binary(get(table), at, I::I32Add), SLOT_BYTES)),
        trap_if(binary(actual, add(get(resource), 1), I::I32Ne)),
        get(slot),
    ]
    .concat()
}

/// Parameters: a table, and the address of a slot in it.
fn remove() -> Code {
    let (table, slot) = (0, 1);
    let behind_first =
        binary(binary(get(slot), get(table), I::I32Sub), number(SLOT_BYTES), I::I32Sub);
    let index = binary(behind_first, number(SLOT_BYTES), I::I32DivU);
    [
        store(get(slot), KIND, number(0)),
        store(get(slot), REPRESENTATION, load(get(table), FIRST_FREE)),
        store(get(table), FIRST_FREE, index),
    ]
    .concat()
}
