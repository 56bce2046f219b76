//! The macro behind the table of options: a row becomes a flag and a key, a field of the scenario,
//! a part of the offer, and a word of the reproduce command.

/// Declares options, a row each, under the headings of `--help`:
///
/// ```text
/// "Heading" {
///     /// Help in a few words, for `-h`
///     ///
///     /// The rest, for `--help`; both are the doc of the fields
///     name: KIND<TYPE>(DEFAULT), "VALUE NAME", words about the default;
/// }
/// ```
///
/// The kind says what decides if the user does not, and so the type of the scenario's field:
///
/// | kind | decided by | field of the scenario | field of the offer |
/// |---|---|---|---|
/// | `Always<T>(default)` | the default | `T` | |
/// | `PerMachine<T>` | [`Scenario::new`], for this machine | `T` | |
/// | `Optional<C>` | only the user; `C` is an `Option` or a `Vec` | `C` | |
/// | `OneOf<T>(built-in)` | the runtime | `Option<T>` | `Vec<T>`: the values that it takes, its default first |
/// | `Several<T>(built-in)` | only the user, of what the runtime takes | `Vec<T>` | `Vec<T>`: the values that it takes |
/// | `Amount<T>(built-in)` | the runtime | `Option<T>` | `Option<T>`: its default |
///
/// `built-in` is the default of the built-in runtime, which takes every value; `None` if it lacks
/// the choice. Of `Several` it is the list of values that the built-in runtime takes. `name as "key"` gives the key in the scenario's JSON form.
macro_rules! options {
    ($($heading:literal {$(
        $(#[doc = $doc:literal])+
        $(#[serde($($serde:tt)*)])?
        $name:ident $(as $key:literal)?:
            $(Always<$always:ty>($default:expr))?
            $(PerMachine<$machine:ty>)?
            $(Optional<$optional:ty>)?
            $(OneOf<$word:ty>($word_built_in:expr))?
            $(Several<$several:ty>($several_built_in:expr))?
            $(Amount<$amount:ty>($amount_built_in:expr))?
            , $value_name:literal $(, $words:expr)?;
    )+})+) => {
        /// The choices of a run. An absent one is left to the runtime or to the default.
        #[derive(Clone, Debug, Default, PartialEq, Deserialize, clap::Args)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub struct Options {$($(
            $(#[doc = $doc])+
            #[serde(deserialize_with = "Choice::of_key")]
            #[arg(
                long,
                help_heading = $heading,
                value_name = $value_name,
                value_parser = flag::parser(|options: &Options| &options.$name),
                num_args = flag::num_args(|options: &Options| &options.$name),
                default_missing_value = flag::missing(|options: &Options| &options.$name),
                long_help = flag::help(
                    &[$($doc),+],
                    &[
                        $(Some(<$always as Value>::text(&$default)),)?
                        $(Option::<$word>::map($word_built_in, |word| word.text()),)?
                        $(Option::<$amount>::map($amount_built_in, |amount| amount.text()),)?
                        $(Some($words.to_string()),)?
                    ],
                ),
            )]
            $(pub $name: Option<$always>,)?
            $(pub $name: Option<$machine>,)?
            $(pub $name: $optional,)?
            $(pub $name: Option<$word>,)?
            $(pub $name: Vec<$several>,)?
            $(pub $name: Option<$amount>,)?
        )+)+}

        /// The name of a runtime and its choices. A list has the values that it takes, the default
        /// first; a number is the default. A choice that the runtime does not have is empty or
        /// `None`; a run with such an option is refused.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case", default)]
        pub struct Offer {
            /// Name and version, e.g. `wasmtime 48.0.8`.
            pub runtime: String,
            $($(
                $(
                    #[doc = concat!("Values of [`Options::", stringify!($name), "`].")]
                    pub $name: Vec<$word>,
                )?
                $(
                    #[doc = concat!("Values of [`Options::", stringify!($name), "`].")]
                    pub $name: Vec<$several>,
                )?
                $(
                    #[doc = concat!("Default of [`Options::", stringify!($name), "`].")]
                    pub $name: Option<$amount>,
                )?
            )+)+
            /// Maximum of threads that drive it at once; `None` without such a maximum.
            pub threads_max: Option<NonZeroU32>,
            /// Whether modules from files get WASI preview 1, with `--dir`, `--env` and `--arg`.
            pub wasi: bool,
        }

        /// All choices of a run. The same scenario with the same seed and one thread has the same
        /// steps.
        ///
        /// A choice that the runtime does not have is `None`. In JSON it is absent; of the others,
        /// one that is absent, as in an older recording, has its default.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Scenario {$($(
            $(#[doc = $doc])+
            $(#[serde($($serde)*)])?
            $(#[serde(rename = $key)])?
            $(pub $name: $always,)?
            $(pub $name: $machine,)?
            $(pub $name: $optional,)?
            $(
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$word>,
            )?
            $(
                #[serde(skip_serializing_if = "Vec::is_empty")]
                pub $name: Vec<$several>,
            )?
            $(
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$amount>,
            )?
        )+)+}

        impl Options {
            /// The rows of the table of options.
            pub fn rows() -> Vec<OptionRow> {
                vec![$($(OptionRow {
                    flag: flag::name(stringify!($name)),
                    json_key: *[stringify!($name) $(, $key)?].last().unwrap_or(&""),
                    help: flag::help(&[$($doc),+], &[]),
                    values: flag::values(|options: &Options| &options.$name),
                },)+)+]
            }

            /// The flags that are given, with their values as the command line writes them.
            pub fn given(&self) -> Vec<(String, Vec<String>)> {
                let all = [$($((
                    flag::name(stringify!($name)),
                    self.$name.iter().map(Value::text).collect::<Vec<String>>(),
                ),)+)+];
                all.into_iter().filter(|(_, values)| !values.is_empty()).collect()
            }

            /// These options; absent ones are those of `base`.
            pub fn or(self, base: Options) -> Options {
                Options { $($($name: Choice::or(self.$name, base.$name),)+)+ }
            }
        }

        impl Offer {
            /// The runtime that leakbench carries.
            pub fn builtin() -> Offer {
                Offer {
                    runtime: format!("leakbench-runtime {}", env!("CARGO_PKG_VERSION")),
                    $($(
                        $($name: default_first::<$word>($word_built_in),)?
                        $($name: <[$several]>::to_vec($several_built_in),)?
                        $($name: Option::<$amount>::from($amount_built_in),)?
                    )+)+
                    threads_max: None,
                    wasi: true,
                }
            }

            /// Completes `options` by the defaults, and refuses those that are not offered.
            pub(crate) fn settle(&self, options: Options) -> Result<Scenario, ScenarioError> {
                let settlement = Settlement { subject: options.subject.clone().unwrap_or_default() };
                Ok(Scenario {$($(
                    $($name: options.$name.unwrap_or($default),)?
                    $($name: options.$name.unwrap_or(<$machine>::MIN),)?
                    $($name: <$optional>::from(options.$name),)?
                    $($name: settlement.word::<$word>(stringify!($name), options.$name, &self.$name)?,)?
                    $($name: settlement.several::<$several>(stringify!($name), options.$name, &self.$name)?,)?
                    $($name: settlement.amount::<$amount>(stringify!($name), options.$name, self.$name)?,)?
                )+)+})
            }
        }

        impl Scenario {
            /// The options that decide this scenario, whatever the defaults and the machine are: each that the
            /// runtime has.
            pub fn options(&self) -> Options {
                Options {$($(
                    $($name: Some(<$always as Clone>::clone(&self.$name)),)?
                    $($name: Some(<$machine as Clone>::clone(&self.$name)),)?
                    $($name: <$optional as Clone>::clone(&self.$name),)?
                    $($name: Option::<$word>::clone(&self.$name),)?
                    $($name: Vec::<$several>::clone(&self.$name),)?
                    $($name: Option::<$amount>::clone(&self.$name),)?
                )+)+}
            }

            /// Adds the flags whose values are not those of `default`. Defaults of other runtimes
            /// than the built-in one are unknown.
            pub(crate) fn write_flags(&self, command: &mut Command, default: &Scenario) {
                let known = self.subject == default.subject;
                $($(
                    let name = stringify!($name);
                    $(command.always::<$always>(name, &self.$name, &default.$name);)?
                    $(command.value::<$machine>(name, &self.$name);)?
                    $(command.values::<$optional>(name, &self.$name);)?
                    $(command.values::<Vec<$several>>(name, &self.$name);)?
                    $(command.choice::<$word>(name, &self.$name, known.then_some(&default.$name));)?
                    $(command.choice::<$amount>(name, &self.$name, known.then_some(&default.$name));)?
                )+)+
            }
        }
    };
}

pub(crate) use options;
