//! The filter in the kernel that asks the injector about calls.

use leakbench_model::Call;
use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW,
    SECCOMP_RET_USER_NOTIF, sock_filter,
};

use super::calls::{EXIT_GROUP, FCNTL, numbers};
use crate::sys::seccomp::LISTENER_FLAGS;

/// `AUDIT_ARCH_X86_64` and `AUDIT_ARCH_AARCH64` of the kernel's `include/uapi/linux/audit.h`.
const ARCHITECTURE: u32 = if cfg!(target_arch = "x86_64") { 0xC000_003E } else { 0xC000_00B7 };

/// Offsets within `struct seccomp_data`: the call's number, the architecture, and the lower half of
/// the second and third arguments.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const SECOND_ARGUMENT_AT: u32 = if cfg!(target_endian = "little") { 24 } else { 28 };
const THIRD_ARGUMENT_AT: u32 = SECOND_ARGUMENT_AT + 8;

const SENDMSG: u32 = libc::SYS_sendmsg as u32;

/// A program that asks about `calls`, and about the exit of a process if `exits`. All other calls, and those
/// of another architecture, pass. So does the message with the listener, which nothing could answer.
pub(super) fn program(calls: &[Call], exits: bool) -> Vec<sock_filter> {
    let chosen = || numbers().filter(|row| calls.contains(&row.call));
    let mut plain: Vec<u32> =
        chosen().filter(|row| row.command.is_none()).map(|row| row.number).collect();
    plain.extend(exits.then_some(EXIT_GROUP));
    let commands: Vec<u32> = chosen().filter_map(|row| row.command).collect();

    let mut program =
        vec![load(ARCHITECTURE_AT), equals(ARCHITECTURE, 1, 0), allow(), load(NUMBER_AT)];
    for number in plain {
        match number {
            SENDMSG => program.extend([
                equals(SENDMSG, 0, 4),
                load(THIRD_ARGUMENT_AT),
                equals(LISTENER_FLAGS.bits(), 0, 1),
                allow(),
                ask(),
            ]),
            _ => program.extend([equals(number, 0, 1), ask()]),
        }
    }
    if !commands.is_empty() {
        program.extend([equals(FCNTL, 1, 0), allow(), load(SECOND_ARGUMENT_AT)]);
        for command in commands {
            program.extend([equals(command, 0, 1), ask()]);
        }
    }
    program.push(allow());
    program
}

fn load(offset: u32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, offset)
}

/// Skips so many instructions if the loaded word equals `value`, or else so many others.
fn equals(value: u32, skip_if_equal: u8, skip_otherwise: u8) -> sock_filter {
    let compare = instruction(BPF_JMP | BPF_JEQ | BPF_K, value);
    sock_filter { jt: skip_if_equal, jf: skip_otherwise, ..compare }
}

fn allow() -> sock_filter {
    instruction(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
}

fn ask() -> sock_filter {
    instruction(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)
}

fn instruction(code: u32, k: u32) -> sock_filter {
    // The codes of classic BPF have 16 bits.
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer of the kernel's interpreter, for the instructions in use.
    fn run(program: &[sock_filter], architecture: u32, number: u32, command: u32) -> u32 {
        let (mut at, mut word) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            match u32::from(code) {
                code if code == BPF_LD | BPF_W | BPF_ABS => {
                    word = match k {
                        NUMBER_AT => number,
                        ARCHITECTURE_AT => architecture,
                        SECOND_ARGUMENT_AT | THIRD_ARGUMENT_AT => command,
                        _ => panic!("offset {k}"),
                    };
                }
                code if code == BPF_JMP | BPF_JEQ | BPF_K => {
                    at += usize::from(if word == k { jt } else { jf });
                }
                code if code == BPF_RET | BPF_K => return k,
                code => panic!("code {code}"),
            }
        }
    }

    #[test]
    fn the_message_with_the_listener_passes() {
        let program = program(&[Call::Send, Call::Close], false);
        let answer = |flags| run(&program, ARCHITECTURE, SENDMSG, flags);
        assert_eq!(answer(LISTENER_FLAGS.bits()), SECCOMP_RET_ALLOW);
        assert_eq!(answer(libc::MSG_NOSIGNAL as u32), SECCOMP_RET_USER_NOTIF);
    }

    #[test]
    fn the_kernel_asks_about_the_chosen_calls_only() {
        let subsets: [&[Call]; 4] = [&[], &[Call::Mmap, Call::Dup], &[Call::AddSeals], &Call::ALL];
        for (calls, exits) in subsets.into_iter().flat_map(|calls| [(calls, false), (calls, true)])
        {
            let program = program(calls, exits);
            for row in numbers() {
                for command in [0, 1, 2, libc::F_DUPFD_CLOEXEC as u32, libc::F_ADD_SEALS as u32] {
                    let call = super::super::calls::call_of(row.number as i32, u64::from(command));
                    let expected = match call.is_some_and(|call| calls.contains(&call)) {
                        true => SECCOMP_RET_USER_NOTIF,
                        false => SECCOMP_RET_ALLOW,
                    };
                    let answer = run(&program, ARCHITECTURE, row.number, command);
                    assert_eq!(answer, expected, "{row:?}, command {command}, {calls:?}");
                    assert_eq!(run(&program, 0x4000_0003, row.number, command), SECCOMP_RET_ALLOW);
                }
            }
            let at_exit = run(&program, ARCHITECTURE, EXIT_GROUP, 0);
            assert_eq!(at_exit == SECCOMP_RET_USER_NOTIF, exits);
        }
    }
}
