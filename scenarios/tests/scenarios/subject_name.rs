//! Names of subjects.

use leakbench_scenarios::SubjectName;

fn parsed(text: &str) -> SubjectName {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn names_are_drivers_and_the_rest_are_commands() {
    assert_eq!(parsed("builtin"), SubjectName::Builtin);
    for (name, program) in [
        ("wasmtime@48", "leakbench-wasmtime-48"),
        ("wasmtime", "leakbench-wasmtime"),
        ("my_runtime-2@1.0", "leakbench-my_runtime-2-1.0"),
    ] {
        let SubjectName::Driver(driver) = parsed(name) else {
            panic!("{name} is no driver");
        };
        assert_eq!(driver.program(), program);
    }
    for (text, words) in [
        ("python3 driver.py", vec!["python3", "driver.py"]),
        ("./driver", vec!["./driver"]),
        ("/usr/bin/node 'my driver.js' --x", vec!["/usr/bin/node", "my driver.js", "--x"]),
        ("a@b@c", vec!["a@b@c"]),
    ] {
        let SubjectName::Command(command) = parsed(text) else {
            panic!("{text} is no command");
        };
        assert_eq!(command.program(), words[0]);
        assert_eq!(command.arguments(), &words[1..]);
    }
    for text in ["builtin", "wasmtime@48", "python3 'my driver.py'"] {
        assert_eq!(parsed(text).to_string(), text);
    }
}

#[test]
fn what_names_nothing_is_refused() {
    for text in ["", "  ", "'' x"] {
        let error = text.parse::<SubjectName>().expect_err(text).to_string();
        assert!(error.starts_with("the subject is empty: expected builtin"), "{error}");
    }
    let error = "node 'x".parse::<SubjectName>().expect_err("unclosed").to_string();
    assert_eq!(error, "the command 'node 'x' has a quote that is not closed");
}
